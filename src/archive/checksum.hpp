// What protects each member of an archive: SHA-256 over its path and a NUL, its size,
// where each of its extents is (64-bit little-endian numbers), and its data.
#pragma once

#include "image/stream.hpp"
#include "tar/tar.hpp"

namespace msb::archive {

class Checksum {
  public:
    explicit Checksum(const TarEntry& entry);
    void update(BytesView data) { hash_.update(data); }
    std::string finish() { return hash_.finish().hex(); }

  private:
    image::Sha256Stream hash_;
};

} // namespace msb::archive
