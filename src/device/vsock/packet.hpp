// The header of a virtio-vsock packet (virtio 1.2 §5.10.6).
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstdint>

namespace msb::device {

enum class VsockOp : std::uint16_t {
    invalid = 0,
    request = 1,
    response = 2,
    rst = 3,
    shutdown = 4,
    rw = 5,
    credit_update = 6,
    credit_request = 7,
};

constexpr std::uint16_t vsock_type_stream = 1;
constexpr std::uint32_t vsock_shutdown_receive = 1; ///< "I will not receive any more."
constexpr std::uint32_t vsock_shutdown_send = 2;    ///< "I will not send any more."

struct VsockHeader {
    static constexpr std::size_t size = 44; ///< Bytes on the ring.

    std::uint64_t src_cid = 0;
    std::uint64_t dst_cid = 0;
    std::uint32_t src_port = 0;
    std::uint32_t dst_port = 0;
    std::uint32_t length = 0; ///< Of the payload, bytes.
    std::uint16_t type = vsock_type_stream;
    VsockOp op = VsockOp::invalid; ///< Any number, when it comes from the guest.
    std::uint32_t flags = 0;
    std::uint32_t buffer_size = 0; ///< buf_alloc: the sender's whole receive buffer.
    std::uint32_t forwarded = 0; ///< fwd_cnt: bytes the sender's reader has consumed, modulo 2^32.

    static VsockHeader decode(std::span<const std::uint8_t, size> bytes);
    std::array<std::uint8_t, size> encode() const;
};

} // namespace msb::device
