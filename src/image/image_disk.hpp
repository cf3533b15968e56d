// The read-only disk of an image, as helper programs and their workers read it.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "image/image.hpp"
#include "image/json.hpp"

#include <vector>

namespace msb::image {

/// The pieces for a request to a helper.
Json pieces_document(const std::vector<DiskPiece>& pieces);

class ImageDisk {
  public:
    /// What pieces_document() says.
    static Result<ImageDisk> open(const Json& pieces);

    std::uint64_t size() const { return pieces_.empty() ? 0 : pieces_.back().end; }
    /// Those that a confined worker has to keep.
    void add_descriptors(std::vector<int>& fds) const;
    Status read(std::uint64_t offset, MutableBytesView buffer) const;

  private:
    struct Piece {
        OwnedFd file;
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };
    std::vector<Piece> pieces_;
};

} // namespace msb::image
