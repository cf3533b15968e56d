#include "net/tcp/segment.hpp"

#include "net/frames/checksum.hpp"

#include <algorithm>

namespace msb::net {

namespace {

constexpr std::size_t plain_size = 20;
constexpr std::uint8_t option_end = 0, option_nop = 1, option_mss = 2, option_scale = 3,
                       option_selective_permitted = 4, option_selective = 5;
constexpr std::uint8_t largest_scale = 14; // RFC 7323 §2.3

void parse_selective(BytesView blocks, TcpSegment& segment) {
    segment.selective_count = 0;
    while (blocks.size() >= 8 && segment.selective_count < segment.selective.size()) {
        segment.selective[segment.selective_count++] = {load_be<std::uint32_t>(blocks),
                                                        load_be<std::uint32_t>(blocks.subspan(4))};
        blocks = blocks.subspan(8);
    }
}

void parse_options(BytesView options, TcpSegment& segment) {
    while (!options.empty() && options[0] != option_end) {
        if (options[0] == option_nop) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2 || options[1] < 2 || options[1] > options.size())
            return;
        const std::uint8_t kind = options[0], size = options[1];
        if (kind == option_selective)
            parse_selective(options.subspan(2, size - 2U), segment);
        else if (!segment.has(tcp_flag::syn))
            ;
        else if (kind == option_mss && size == 4)
            segment.mss = load_be<std::uint16_t>(options.subspan(2));
        else if (kind == option_scale && size == 3)
            segment.scale = std::min(options[2], largest_scale);
        else if (kind == option_selective_permitted && size == 2)
            segment.selective_permitted = true;
        options = options.subspan(options[1]);
    }
}

} // namespace

std::optional<TcpSegment> parse_tcp(const IpPacket& packet, bool verify) {
    const BytesView bytes = packet.payload;
    if (bytes.size() < plain_size)
        return std::nullopt;
    const std::size_t header = std::size_t{4} * (bytes[12] >> 4);
    if (header < plain_size || header > bytes.size())
        return std::nullopt;
    if (verify &&
        Checksum()
                .add_pseudo_header(packet.source, packet.destination, protocol_tcp, bytes.size())
                .add(bytes)
                .finish() != 0)
        return std::nullopt;
    TcpSegment segment{
        .source = {packet.source, load_be<std::uint16_t>(bytes)},
        .destination = {packet.destination, load_be<std::uint16_t>(bytes.subspan(2))},
        .sequence = load_be<std::uint32_t>(bytes.subspan(4)),
        .acknowledgement = load_be<std::uint32_t>(bytes.subspan(8)),
        .window = load_be<std::uint16_t>(bytes.subspan(14)),
        .flags = bytes[13],
        .payload = bytes.subspan(header)};
    parse_options(bytes.subspan(plain_size, header - plain_size), segment);
    return segment;
}

std::size_t tcp_header_size(const TcpSegment& segment) {
    return plain_size + (segment.mss ? 4 : 0) + (segment.scale ? 4 : 0) +
           (segment.selective_permitted ? 4 : 0) +
           (segment.selective_count > 0 ? 4 + 8 * segment.selective_count : 0);
}

void write_tcp(const TcpSegment& segment, MutableBytesView out) {
    std::ranges::fill(out, std::uint8_t{0});
    store_be(out, segment.source.port);
    store_be(out.subspan(2), segment.destination.port);
    store_be(out.subspan(4), segment.sequence);
    store_be(out.subspan(8), segment.acknowledgement);
    out[12] = static_cast<std::uint8_t>(out.size() / 4 << 4);
    out[13] = segment.flags;
    store_be(out.subspan(14), segment.window);
    MutableBytesView options = out.subspan(plain_size);
    if (segment.mss) {
        options[0] = option_mss;
        options[1] = 4;
        store_be(options.subspan(2), *segment.mss);
        options = options.subspan(4);
    }
    if (segment.scale) {
        options[0] = option_nop;
        options[1] = option_scale;
        options[2] = 3;
        options[3] = *segment.scale;
        options = options.subspan(4);
    }
    if (segment.selective_permitted) {
        options[0] = options[1] = option_nop;
        options[2] = option_selective_permitted;
        options[3] = 2;
        options = options.subspan(4);
    }
    if (segment.selective_count > 0) {
        options[0] = options[1] = option_nop;
        options[2] = option_selective;
        options[3] = static_cast<std::uint8_t>(2 + 8 * segment.selective_count);
        options = options.subspan(4);
        for (std::size_t i = 0; i < segment.selective_count; ++i) {
            store_be(options.subspan(8 * i), segment.selective[i].begin);
            store_be(options.subspan(8 * i + 4), segment.selective[i].end);
        }
    }
}

} // namespace msb::net
