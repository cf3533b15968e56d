// Byte streams of descriptors that others own.
#pragma once

#include "tar/source.hpp"

namespace msb {

/// Reads from where the descriptor stands, or `length` bytes from `offset` with pread.
class FdSource : public Source {
  public:
    explicit FdSource(int fd) : fd_(fd) {}
    FdSource(int fd, std::uint64_t offset, std::uint64_t length)
        : fd_(fd), positioned_(true), offset_(offset), left_(length) {}
    Result<std::size_t> read(MutableBytesView buffer) override;
    std::uint64_t skip(std::uint64_t count) override;

  private:
    int fd_;
    bool positioned_ = false;
    std::uint64_t offset_ = 0;
    std::uint64_t left_ = 0;
};

/// Writes to where the descriptor stands.
class FdSink : public Sink {
  public:
    explicit FdSink(int fd) : fd_(fd) {}
    Status write(BytesView data) override;

  private:
    int fd_;
};

} // namespace msb
