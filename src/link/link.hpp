// What the stack and the device that carries its frames know of each other.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <span>
#include <sys/uio.h>

namespace msb {

/// What the sender of a frame leaves to the guest's driver (virtio 1.2 §5.1.6).
struct Offload {
    /// The checksum field at `checksum_start` + `checksum_offset` holds the pseudo header's sum.
    bool partial_checksum = false;
    std::uint16_t checksum_start = 0;
    std::uint16_t checksum_offset = 0;
    /// TCP payload bytes of one segment, where the frame stands for several; else 0.
    std::uint16_t segment_size = 0;
    bool ipv6 = false;
    std::uint16_t header_size = 0; ///< Ethernet, IP and TCP headers, with segment_size.
};

/// The way to the guest.
class Link {
  public:
    virtual ~Link() = default;
    /// False: no room now; FrameSink::room() follows. A frame that can never be sent is dropped.
    virtual bool send(const Offload& offload, std::span<const iovec> frame) = 0;
    /// Tells the guest about the frames sent since the last call.
    virtual void flush() = 0;
    /// Whether Offload::partial_checksum may be used.
    virtual bool takes_partial_checksums() const = 0;
    /// Whether Offload::segment_size may be used.
    virtual bool takes_large_segments(bool ipv6) const = 0;
};

/// The way from the guest. Calls do not nest.
class FrameSink {
  public:
    virtual ~FrameSink() = default;
    /// `frame` is a private copy. `checksums_open`: the guest left the transport checksum to us;
    /// the frame only went through memory, so there is nothing to verify.
    virtual void frame(BytesView frame, bool checksums_open) = 0;
    /// No more frames for now.
    virtual void frames_done() = 0;
    /// The guest has made room for frames.
    virtual void room() = 0;
    /// The guest's driver has started anew.
    virtual void link_reset() = 0;
};

} // namespace msb
