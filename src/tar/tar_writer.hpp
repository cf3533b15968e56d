// Writes pax archives (POSIX.1-2001) that every tar reads: ustar headers, and an extended header in
// front of those that cannot say it all (long names, nanoseconds, attributes, holes).
#pragma once

#include "tar/tar.hpp"

namespace msb {

class TarWriter {
  public:
    explicit TarWriter(Sink& sink);

    /// Begins an entry. A file's data must follow: the bytes of its extents, in their order.
    Status begin(const TarEntry& entry);
    Status data(BytesView bytes);
    /// For reading a file's data straight into the buffer: room for some of `wanted` bytes, of
    /// which commit() says how many were filled.
    Result<MutableBytesView> room(std::uint64_t wanted);
    void commit(std::size_t size);
    /// The end of the archive.
    Status finish();

  private:
    Status append(BytesView bytes);
    Status flush();
    Status pad();
    Status header(const TarEntry& entry, char type, const std::string& name, std::uint64_t size);
    Status extended(const std::string& records, const TarEntry& entry);

    Sink& sink_;
    Bytes buffer_;
    std::size_t used_ = 0;
    std::uint64_t written_ = 0; ///< position in the archive, for padding
};

} // namespace msb
