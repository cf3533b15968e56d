// Writes a new file front to back, in large pieces; blocks of nothing but zeros stay holes, so that
// an image takes room for its content and not for its nominal size.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace msb::image {

class SparseWriter {
  public:
    /// An empty file.
    explicit SparseWriter(int fd) : fd_(fd) { buffer_.reserve(buffer_size); }

    /// `offset` never goes back; what is skipped is zeros.
    Status write(std::uint64_t offset, BytesView bytes);
    /// Writes the rest and gives the file its size.
    Status finish(std::uint64_t size);

  private:
    static constexpr std::size_t buffer_size = std::size_t{1} << 20;

    Status flush();

    int fd_;
    Bytes buffer_;
    std::uint64_t start_ = 0; ///< Where the buffer begins in the file.
};

} // namespace msb::image
