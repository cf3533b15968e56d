#include "net/stack.hpp"

#include "net/policy/rules.hpp"

#include <array>

namespace msb::net {

namespace {

constexpr std::size_t arp_size = 28;

Gateways gateways_of(const Stack::Config& config) {
    Gateways gateways;
    if (config.v4)
        gateways.v4 = config.v4->gateway;
    if (config.v6)
        gateways.v6 = config.v6->gateway;
    return gateways;
}

bool is_link_local(const IpAddress& address) {
    return address.v6 && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

} // namespace

Stack::Stack(EventLoop& loop, Link& link, Dialer& dialer, const Config& config)
    : config_(config), output_(link, config.link), switch_(*this, dialer),
      dns_(loop, output_, switch_,
           {.resolvers = config.resolvers,
            .resolver_file = config.resolver_file,
            .gateways = gateways_of(config),
            .time = config.dns_time,
            .membership = config.membership}),
      denials_(loop, config.sandbox), published_use_(loop),
      tcp_(loop, output_, switch_, published_use_, config.max_connections),
      udp_(loop, output_, switch_, published_use_),
      icmp_(loop, output_, switch_, gateways_of(config), config.membership) {
    if (config_.membership != nullptr)
        config_.membership->arrived = [this](const Flow& flow, OwnedFd socket) {
            from_member(flow, std::move(socket));
        };
}

/// Judged as what peers of published ports begin. Only what listens on the guest's address is
/// reached: its loopback is not the network's.
void Stack::from_member(const Flow& flow, OwnedFd socket) {
    const auto& subnet = flow.destination.address.v6 ? config_.v6 : config_.v4;
    if (!subnet || !switch_.admit(flow))
        return;
    const Endpoint guest{subnet->guest, flow.destination.port};
    if (flow.protocol == Protocol::udp)
        return udp_.join(guest, flow.source,
                         {.socket = std::move(socket), .record = switch_.begin(flow)});
    tcp_.accept(std::move(socket), std::array{GuestPort{guest, flow.source.address}},
                flow.source.port, switch_.begin(flow), true);
}

/// What goes there is between sandboxes, a server of names too.
bool Stack::is_member(const IpAddress& address) const {
    return config_.membership != nullptr && config_.membership->has(address);
}

Gateways Stack::gateways() const {
    return gateways_of(config_);
}

Flow Stack::Switch::named(const Flow& flow) const {
    Flow result = flow;
    if (flow.direction == Direction::in || flow.lookup || !flow.names.empty())
        return result;
    const IpAddress& to = flow.destination.address;
    result.names = stack_.is_member(to)
                       ? stack_.config_.membership->names_of(to)
                       : stack_.dns_.names().names_of(to, NameMemory::Clock::now());
    return result;
}

Result<Dialled> Stack::Switch::dial(const Flow& flow, unsigned attempt) {
    if (flow.protocol != Protocol::tcp || flow.destination.port != dns_port ||
        stack_.is_member(flow.destination.address))
        return dial_out(named(flow), attempt);
    if (attempt > 0)
        return fail(ErrorKind::not_found, "the name server is in one place");
    if (!stack_.is_gateway(flow.destination.address))
        MSB_TRY(admit(flow)); // before its first question
    return Dialled{.socket = MSB_TRY(stack_.dns_.open_stream(flow.source, flow.destination)),
                   .record = {}};
}

Result<Dialled> Stack::Switch::dial_out(const Flow& flow, unsigned attempt) {
    auto dialled = out_.dial(flow, attempt);
    const bool explained = stack_.config_.explain_denials && flow.protocol == Protocol::tcp &&
                           flow.destination.port == http_port;
    if (dialled || !explained || dialled.error().kind() != ErrorKind::permission_denied)
        return dialled;
    return Dialled{.socket = MSB_TRY(stack_.denials_.open(flow, dialled.error().message())),
                   .record = {}};
}

bool Stack::is_gateway(const IpAddress& address) const {
    const auto& subnet = address.v6 ? config_.v6 : config_.v4;
    return subnet && address == subnet->gateway;
}

void Stack::frame(BytesView frame, bool checksums_open) {
    const auto ethernet = parse_ethernet(frame);
    if (!ethernet)
        return;
    const bool multicast = (ethernet->destination[0] & 1) != 0;
    if (ethernet->destination != config_.link.gateway_mac && !multicast)
        return;
    if (ethernet->type == ethertype_arp)
        return arp(ethernet->payload);
    std::optional<IpPacket> packet;
    if (ethernet->type == ethertype_ipv4 && config_.v4)
        packet = parse_ipv4(ethernet->payload);
    else if (ethernet->type == ethertype_ipv6 && config_.v6)
        packet = parse_ipv6(ethernet->payload);
    if (packet && from_guest(*packet))
        ip(*packet, !checksums_open);
}

/// Whether the source is the guest's own address; for IPv6 a link-local one is valid, too, and
/// published ports may lead to what listens on the guest's loopback.
bool Stack::from_guest(const IpPacket& packet) const {
    if (!packet.source.v6)
        return packet.source == config_.v4->guest ||
               (packet.source == IpAddress::loopback(false) && packet.protocol == protocol_tcp);
    return packet.source == config_.v6->guest ||
           (is_link_local(packet.source) && packet.protocol == protocol_icmpv6);
}

void Stack::arp(BytesView payload) {
    if (payload.size() < arp_size || !config_.v4)
        return;
    constexpr std::uint64_t request_head =
        0x0001'0800'0604'0001; // RFC 826: Ethernet, IPv4, request
    if (load_be<std::uint64_t>(payload) != request_head)
        return;
    const IpAddress sender = IpAddress::from(payload.subspan(14, 4));
    const IpAddress target = IpAddress::from(payload.subspan(24, 4));
    if (target == config_.v4->gateway)
        output_.arp_reply(target, sender);
}

/// TCP does not make packets that have to be cut.
void Stack::fragment(const IpPacket& packet) {
    if (packet.protocol != protocol_udp && packet.protocol != protocol_icmp &&
        packet.protocol != protocol_icmpv6)
        return;
    const auto payload = reassembler_.add(packet, Reassembler::Clock::now());
    if (!payload)
        return;
    IpPacket whole = packet;
    whole.fragment.reset();
    whole.payload = *payload;
    ip(whole, true); // fragments have no open checksum, so verify
}

void Stack::ip(const IpPacket& packet, bool verify) {
    if (packet.fragment)
        return fragment(packet);
    switch (packet.protocol) {
    case protocol_tcp: return tcp_.segment(packet, verify);
    case protocol_udp: return udp_packet(packet, verify);
    case protocol_icmp:
    case protocol_icmpv6:
        if ((packet.protocol == protocol_icmpv6) == packet.source.v6)
            icmp_.message(packet, verify);
        return;
    default: output_.unreachable(packet.destination, packet.packet, Unreachable::prohibited);
    }
}

void Stack::udp_packet(const IpPacket& packet, bool verify) {
    const auto datagram = parse_udp(packet, verify);
    if (!datagram)
        return;
    if (datagram->destination.port == dns_port && !is_member(datagram->destination.address))
        dns_.datagram(datagram->source, datagram->destination, datagram->payload);
    else
        udp_.datagram(*datagram, packet.packet);
}

void Stack::frames_done() {
    tcp_.frames_done();
    output_.flush();
}

void Stack::room() {
    tcp_.room();
    output_.flush();
}

void Stack::policy_changed(std::size_t max_connections) {
    tcp_.policy_changed(max_connections);
    udp_.policy_changed();
    icmp_.policy_changed();
    output_.flush();
}

void Stack::link_reset() {
    tcp_.link_reset();
    udp_.link_reset();
    icmp_.link_reset();
    dns_.link_reset();
    denials_.clear();
    reassembler_.clear();
}

} // namespace msb::net
