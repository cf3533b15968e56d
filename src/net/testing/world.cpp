#include "net/testing/world.hpp"

#include "base/system.hpp"
#include "net/frames/checksum.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/socket.h>

namespace msb::net::testing {

bool FakeLink::send(const Offload&, std::span<const iovec> frame) {
    if (full)
        return false;
    Bytes bytes;
    for (const iovec& piece : frame) {
        const auto* const begin = static_cast<const std::uint8_t*>(piece.iov_base);
        bytes.insert(bytes.end(), begin, begin + piece.iov_len);
    }
    if (bytes.size() > 1'000'000 || bytes.size() < ethernet_size)
        std::abort();
    frames.push_back(std::move(bytes));
    return true;
}

Result<Dialled> FakeDialer::dial(const Flow& flow, unsigned attempt) {
    if (attempt > 0)
        return fail(ErrorKind::not_found, "one place only");
    dialled.push_back(flow.destination);
    if (failure)
        return fail(*failure);
    const int type = flow.protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM;
    auto pair = MSB_TRY(sys::socket_pair(type | SOCK_NONBLOCK));
    peers.push_back(std::move(pair[1]));
    return Dialled{.socket = std::move(pair[0]),
                   .record = FlowRecord(nullptr, flow, "", ""),
                   .depends_on_opening = depends_on_opening};
}

Status FakeDialer::admit(const Flow& flow) {
    asked.push_back(flow);
    if (failure)
        return fail(*failure);
    return admits ? admits(flow) : Status();
}

Status FakeDialer::admit_answer(const IpAddress& address) {
    if (address == unwanted)
        return fail(ErrorKind::permission_denied, "unwanted");
    return {};
}

World::World(std::size_t max_connections) : loop(*EventLoop::create()) {
    stack = std::make_unique<Stack>(*loop, link, dialer,
                                    Stack::Config{.link = {guest_mac, gateway_mac, 1500},
                                                  .v4 = v4,
                                                  .v6 = v6,
                                                  .max_connections = max_connections});
}

void World::send(const IpHeader& header, BytesView transport) {
    IpHeader complete = header;
    complete.payload_size = transport.size();
    Bytes frame(ethernet_size + complete.size());
    const MutableBytesView view(frame);
    write_ethernet(view, gateway_mac, guest_mac,
                   header.destination.v6 ? ethertype_ipv6 : ethertype_ipv4);
    complete.write(view.subspan(ethernet_size));
    frame.insert(frame.end(), transport.begin(), transport.end());
    stack->frame(frame, false);
    stack->frames_done();
}

void World::send(const TcpSegment& segment) {
    Bytes bytes(tcp_header_size(segment));
    write_tcp(segment, bytes);
    bytes.insert(bytes.end(), segment.payload.begin(), segment.payload.end());
    store_be(MutableBytesView(bytes).subspan(tcp_checksum_offset),
             Checksum()
                 .add_pseudo_header(segment.source.address, segment.destination.address,
                                    protocol_tcp, bytes.size())
                 .add(bytes)
                 .finish());
    send({.source = segment.source.address,
          .destination = segment.destination.address,
          .protocol = protocol_tcp},
         bytes);
}

void World::send_udp(const Endpoint& source, const Endpoint& destination, BytesView payload) {
    Bytes bytes(8);
    store_be(MutableBytesView(bytes), source.port);
    store_be(MutableBytesView(bytes).subspan(2), destination.port);
    store_be(MutableBytesView(bytes).subspan(4), static_cast<std::uint16_t>(8 + payload.size()));
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    store_be(MutableBytesView(bytes).subspan(6),
             Checksum()
                 .add_pseudo_header(source.address, destination.address, protocol_udp, bytes.size())
                 .add(bytes)
                 .finish());
    send({.source = source.address, .destination = destination.address, .protocol = protocol_udp},
         bytes);
}

void World::send_icmp(const IpAddress& destination, Bytes message) {
    const bool six = destination.v6;
    const IpAddress& source = six ? v6.guest : v4.guest;
    Checksum sum;
    if (six)
        sum.add_pseudo_header(source, destination, protocol_icmpv6, message.size());
    store_be(MutableBytesView(message).subspan(2), sum.add(message).finish());
    send({.source = source,
          .destination = destination,
          .protocol = six ? protocol_icmpv6 : protocol_icmp,
          .hop_limit = 255},
         message);
}

std::optional<IpPacket> World::next() {
    if (link.frames.empty())
        return std::nullopt;
    last_ = std::move(link.frames.front());
    link.frames.pop_front();
    const auto ethernet = parse_ethernet(last_);
    return ethernet->type == ethertype_ipv6 ? parse_ipv6(ethernet->payload)
                                            : parse_ipv4(ethernet->payload);
}

std::optional<TcpSegment> World::next_tcp() {
    const auto packet = next();
    return packet ? parse_tcp(*packet, !link.partial_checksums) : std::nullopt;
}

std::optional<UdpDatagram> World::next_udp() {
    const auto packet = next();
    return packet ? parse_udp(*packet, true) : std::nullopt;
}

void World::settle() {
    for (int i = 0; i < 4; ++i)
        (void)loop->run_once(std::chrono::milliseconds(0));
}

void World::wait(std::chrono::milliseconds time) {
    const auto end = EventLoop::Clock::now() + time;
    while (EventLoop::Clock::now() < end)
        (void)loop->run_once(std::chrono::milliseconds(5));
}

} // namespace msb::net::testing
