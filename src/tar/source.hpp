// Byte streams that are read or written once, front to back.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace msb {

class Source {
  public:
    virtual ~Source() = default;
    /// Fills some of `buffer` (at least one byte); 0 is the end.
    virtual Result<std::size_t> read(MutableBytesView buffer) = 0;
    /// Jumps over up to `count` bytes and returns how many; 0 if only reading can pass them.
    virtual std::uint64_t skip(std::uint64_t count) {
        (void)count;
        return 0;
    }
};

class Sink {
  public:
    virtual ~Sink() = default;
    /// Takes all of it, waiting for room if need be.
    virtual Status write(BytesView data) = 0;
};

} // namespace msb
