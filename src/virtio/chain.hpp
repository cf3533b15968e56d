// One buffer that the driver made available: a descriptor chain, already validated and translated.
#pragma once

#include "base/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace msb::virtio {

/// Consumes a list of memory pieces from the front, whatever their boundaries are: a device must
/// not assume anything about how the driver cut its message (virtio 1.2 §2.7.4.1).
class Cursor {
  public:
    Cursor() = default;
    explicit Cursor(std::span<const iovec> pieces);

    std::uint64_t remaining() const { return remaining_; }
    /// Copies out / in at most the given bytes and moves past them; returns how many.
    std::size_t read(MutableBytesView out);
    std::size_t write(BytesView data);
    std::uint64_t skip(std::uint64_t count);
    /// Forgets everything behind the next `count` bytes.
    void limit(std::uint64_t count) { remaining_ = std::min(remaining_, count); }
    /// The next `count` bytes (fewer at the end) as pieces, for readv/writev; moves past them.
    /// Replaces the content of `out`.
    void take(std::uint64_t count, std::vector<iovec>& out);

  private:
    template <typename Use> std::uint64_t advance(std::uint64_t count, Use use);

    std::span<const iovec> pieces_;
    std::size_t offset_ = 0; ///< Into pieces_.front().
    std::uint64_t remaining_ = 0;
};

/// The pieces point into guest memory: the guest may change it at any moment, so read every byte
/// that matters once, into a local. A chain is valid until its queue stops.
struct Chain {
    /// Upper bound of pieces in one direction; equals the kernel's UIO_MAXIOV, so that a chain can
    /// be handed to preadv(2) as it is.
    static constexpr std::size_t max_pieces = 1024;

    std::uint16_t head = 0;          ///< Names the chain to Queue::push().
    std::vector<iovec> readable;     ///< Device-readable part, in order.
    std::vector<iovec> writable;     ///< Device-writable part, in order.
    std::uint64_t readable_size = 0; ///< Bytes; both together are below 2^32 (§2.7.5.2).
    std::uint64_t writable_size = 0;

    Cursor reader() const { return Cursor(readable); }
    Cursor writer() const { return Cursor(writable); }
    void clear();
};

} // namespace msb::virtio
