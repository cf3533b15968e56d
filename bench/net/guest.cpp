#include "guest.hpp"

#include <algorithm>

namespace msb::bench {

using namespace net;

namespace {

constexpr std::size_t ip_at = ethernet_size, tcp_at = ip_at + 20;
/// The guest's driver lets the device cut what is longer than a segment.
constexpr std::size_t longest_packet = 65535;

} // namespace

bool Guest::send(const Offload&, std::span<const iovec> frame) {
    std::size_t size = 0;
    for (const iovec& piece : frame) { // into the guest's buffers
        std::memcpy(copy_.data() + size, piece.iov_base, piece.iov_len);
        size += piece.iov_len;
    }
    if (size >= tcp_at + 20)
        deliver(size);
    return true;
}

void Guest::deliver(std::size_t size) {
    const BytesView bytes = BytesView(copy_).first(size);
    if (bytes[ip_at + 9] == protocol_udp) {
        ++datagrams;
        return;
    }
    const BytesView tcp = bytes.subspan(tcp_at);
    const std::uint16_t remote = load_be<std::uint16_t>(tcp),
                        port = load_be<std::uint16_t>(tcp.subspan(2));
    const std::uint8_t flags = tcp[13];
    const std::size_t header = std::size_t{4} * (tcp[12] >> 4);
    auto found = connections_.find({port, remote});
    if (found == connections_.end()) {
        if (!listens || (flags & syn) == 0)
            return;
        Connection fresh{.guest = {subnet.guest, port}, .remote = {subnet.gateway, remote}};
        found = connections_.emplace(std::pair{port, remote}, fresh).first;
    }
    Connection& connection = found->second;
    connection.refused = connection.refused || (flags & rst) != 0;
    const std::uint32_t sequence = load_be<std::uint32_t>(tcp.subspan(4));
    if ((flags & syn) != 0) {
        connection.expected = sequence + 1;
        connection.window = load_be<std::uint16_t>(tcp.subspan(14));
        their_scale_ = 0;
        for (std::size_t i = 20; i + 2 < header;
             i += tcp[i] == 1 ? 1 : std::max<std::size_t>(1, tcp[i + 1]))
            if (tcp[i] == 3)
                their_scale_ = tcp[i + 2];
        connection.acknowledge = true;
    } else {
        connection.window = std::uint32_t{load_be<std::uint16_t>(tcp.subspan(14))} << their_scale_;
        const auto length =
            static_cast<std::uint32_t>(tcp.size() - header) + ((flags & fin) != 0 ? 1U : 0U);
        if (sequence == connection.expected && length > 0) {
            connection.expected += length;
            connection.received += tcp.size() - header;
            connection.ended = connection.ended || (flags & fin) != 0;
        }
        connection.acknowledge = connection.acknowledge || length > 0;
    }
    if ((flags & ack) != 0)
        connection.acknowledged = load_be<std::uint32_t>(tcp.subspan(8));
}

bool Guest::answer() {
    bool any = false;
    for (auto& [key, connection] : connections_) {
        if (!std::exchange(connection.acknowledge, false))
            continue;
        const bool listening = connection.next == 1 && listens && !connection.established;
        segment(connection, listening ? syn | ack : ack, 0);
        connection.established = any = true;
    }
    if (any)
        stack_->frames_done();
    return any;
}

Guest::Connection& Guest::connect(std::uint16_t port, const Endpoint& remote) {
    Connection& connection =
        connections_[{port, remote.port}] = {.guest = {subnet.guest, port}, .remote = remote};
    segment(connection, syn, 0);
    stack_->frames_done();
    return connection;
}

void Guest::fill(Connection& connection) {
    const std::size_t mss = mtu_ - 40U;
    const std::size_t most = (longest_packet - 40) / mss * mss;
    bool any = false;
    for (;;) {
        const std::uint32_t unacknowledged = connection.next - connection.acknowledged;
        const std::size_t room =
            connection.window > unacknowledged ? connection.window - unacknowledged : 0;
        if (room < std::min(most, std::size_t{connection.window} / 4 + 1))
            break;
        segment(connection, ack, std::min(room, most));
        any = true;
    }
    if (any)
        stack_->frames_done();
}

void Guest::segment(Connection& connection, std::uint8_t flags, std::size_t payload) {
    TcpSegment head{.source = connection.guest,
                    .destination = connection.remote,
                    .sequence = connection.next,
                    .acknowledgement = (flags & ack) != 0 ? connection.expected : 0,
                    .window = UINT16_MAX,
                    .flags = flags};
    if ((flags & syn) != 0) {
        head.mss = static_cast<std::uint16_t>(mtu_ - 40);
        head.scale = scale;
    }
    const std::size_t header = tcp_header_size(head);
    const IpHeader ip{.source = head.source.address,
                      .destination = head.destination.address,
                      .protocol = protocol_tcp,
                      .payload_size = header + payload};
    const MutableBytesView out(frame_);
    write_ethernet(out, gateway_mac, mac, ethertype_ipv4);
    ip.write(out.subspan(ip_at));
    write_tcp(head, out.subspan(tcp_at, header));
    connection.next += static_cast<std::uint32_t>(payload) + ((flags & (syn | fin)) != 0 ? 1U : 0U);
    const std::size_t size = tcp_at + header + payload;
    std::memcpy(copy_.data(), frame_.data(), size); // out of the guest's buffers
    stack_->frame(BytesView(copy_).first(size), true);
}

void Guest::datagram(std::uint16_t port, const Endpoint& remote, BytesView payload) {
    const MutableBytesView out(frame_);
    const IpHeader ip{.source = subnet.guest,
                      .destination = remote.address,
                      .protocol = protocol_udp,
                      .payload_size = 8 + payload.size()};
    write_ethernet(out, gateway_mac, mac, ethertype_ipv4);
    ip.write(out.subspan(ip_at));
    store_be(out.subspan(tcp_at), port);
    store_be(out.subspan(tcp_at + 2), remote.port);
    store_be(out.subspan(tcp_at + 4), static_cast<std::uint16_t>(8 + payload.size()));
    store_be(out.subspan(tcp_at + 6), std::uint16_t{0});
    std::ranges::copy(payload, out.begin() + tcp_at + 8);
    stack_->frame(BytesView(frame_).first(tcp_at + 8 + payload.size()), true);
    stack_->frames_done();
}

} // namespace msb::bench
