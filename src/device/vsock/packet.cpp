#include "device/vsock/packet.hpp"

namespace msb::device {

VsockHeader VsockHeader::decode(std::span<const std::uint8_t, size> bytes) {
    const BytesView b = bytes;
    return {.src_cid = load_le<std::uint64_t>(b),
            .dst_cid = load_le<std::uint64_t>(b.subspan(8)),
            .src_port = load_le<std::uint32_t>(b.subspan(16)),
            .dst_port = load_le<std::uint32_t>(b.subspan(20)),
            .length = load_le<std::uint32_t>(b.subspan(24)),
            .type = load_le<std::uint16_t>(b.subspan(28)),
            .op = static_cast<VsockOp>(load_le<std::uint16_t>(b.subspan(30))),
            .flags = load_le<std::uint32_t>(b.subspan(32)),
            .buffer_size = load_le<std::uint32_t>(b.subspan(36)),
            .forwarded = load_le<std::uint32_t>(b.subspan(40))};
}

std::array<std::uint8_t, VsockHeader::size> VsockHeader::encode() const {
    std::array<std::uint8_t, size> out;
    const MutableBytesView b = out;
    store_le(b, src_cid);
    store_le(b.subspan(8), dst_cid);
    store_le(b.subspan(16), src_port);
    store_le(b.subspan(20), dst_port);
    store_le(b.subspan(24), length);
    store_le(b.subspan(28), type);
    store_le(b.subspan(30), static_cast<std::uint16_t>(op));
    store_le(b.subspan(32), flags);
    store_le(b.subspan(36), buffer_size);
    store_le(b.subspan(40), forwarded);
    return out;
}

} // namespace msb::device
