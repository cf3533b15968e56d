#include "net/policy/groups.hpp"

#include <algorithm>
#include <array>

namespace msb::net {

namespace {

struct Range {
    Prefix prefix;
    Group group;
};

Range v4(Ipv4Bytes network, unsigned bits, Group group) {
    return {{IpAddress(network), bits}, group};
}
Range v6(std::initializer_list<std::uint8_t> start, unsigned bits, Group group) {
    Ipv6Bytes network{};
    std::ranges::copy(start, network.begin());
    return {{IpAddress(network), bits}, group};
}

/// Services of clouds that hand out a machine's credentials, from the clouds' documentation. Their
/// addresses would otherwise count as private, link-local or public.
const auto& metadata_services() {
    static const std::array table = {
        v4({169, 254, 169, 254}, 32, Group::metadata),     // nearly all of them
        v4({169, 254, 170, 0}, 24, Group::metadata),       // AWS: ECS tasks (.2), EKS pods (.23)
        v4({169, 254, 169, 123}, 32, Group::metadata),     // AWS: time, on the same interface
        v4({169, 254, 169, 253}, 32, Group::metadata),     // AWS: names of the network
        v4({169, 254, 0, 23}, 32, Group::metadata),        // Tencent
        v4({169, 254, 10, 10}, 32, Group::metadata),       // Tencent
        v4({169, 254, 42, 42}, 32, Group::metadata),       // Scaleway
        v4({168, 63, 129, 16}, 32, Group::metadata),       // Azure: wire server
        v4({100, 100, 100, 200}, 32, Group::metadata),     // Alibaba
        v4({100, 96, 0, 96}, 32, Group::metadata),         // Volcano Engine
        v4({192, 0, 0, 192}, 32, Group::metadata),         // Oracle, first generation
        v6({0xfd, 0x00, 0x0e, 0xc2}, 32, Group::metadata), // AWS: ::254, ::23 and their neighbours
        v6({0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128,
           Group::metadata), // Google
        v6({0xfd, 0x00, 0x00, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe}, 128,
           Group::metadata), // Oracle
        v6({0xfd, 0x00, 0x00, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x42}, 128,
           Group::metadata), // Scaleway
        v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe}, 128,
           Group::metadata), // OpenStack and those built on it
    };
    return table;
}

/// The first that contains an address decides.
const auto& ranges() {
    static const std::array table = {
        v4({127, 0, 0, 0}, 8, Group::loopback),
        v4({0, 0, 0, 0}, 8, Group::loopback), // connect(2) takes it for the loopback
        v6({}, 128, Group::loopback),
        v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, Group::loopback),
        v4({10, 0, 0, 0}, 8, Group::private_network),
        v4({172, 16, 0, 0}, 12, Group::private_network),
        v4({192, 168, 0, 0}, 16, Group::private_network),
        v4({100, 64, 0, 0}, 10, Group::private_network),
        v6({0xfc}, 7, Group::private_network),
        v6({0xfe, 0xc0}, 10, Group::private_network),
        v4({169, 254, 0, 0}, 16, Group::link_local),
        v6({0xfe, 0x80}, 10, Group::link_local),
        v4({224, 0, 0, 0}, 4, Group::multicast),
        v6({0xff}, 8, Group::multicast),
        // RFC 6890 and its registries: what no host on the Internet has.
        v4({192, 0, 0, 0}, 24, Group::reserved),
        v4({192, 0, 2, 0}, 24, Group::reserved),
        v4({192, 88, 99, 0}, 24, Group::reserved),
        v4({198, 18, 0, 0}, 15, Group::reserved),
        v4({198, 51, 100, 0}, 24, Group::reserved),
        v4({203, 0, 113, 0}, 24, Group::reserved),
        v4({240, 0, 0, 0}, 4, Group::reserved),
        v6({}, 96, Group::reserved),
        v6({0x01, 0x00, 0, 0, 0, 0, 0, 0}, 64, Group::reserved),
        v6({0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, Group::reserved),
        v6({0x20, 0x01, 0x00, 0x00}, 32,
           Group::reserved), // Teredo, whose IPv4 address is disguised
        v6({0x20, 0x01, 0x0d, 0xb8}, 32, Group::reserved),
        v6({0x3f, 0xff}, 20, Group::reserved),
        v6({0x5f, 0x00}, 16, Group::reserved),
        v6({0x20}, 3, Group::public_network), // what has been allocated at all
        v6({0x00, 0x64, 0xff, 0x9b}, 96, Group::public_network),
        v6({}, 0, Group::reserved),
    };
    return table;
}

} // namespace

std::string_view to_string(Group group) {
    static constexpr std::array<std::string_view, 9> names = {"reserved",  "host",    "metadata",
                                                              "loopback",  "private", "link-local",
                                                              "multicast", "public",  "network"};
    return names[static_cast<std::size_t>(group)];
}

IpAddress embedded_v4(const IpAddress& address) {
    if (!address.v6)
        return address;
    const BytesView bytes = address.view();
    const auto starts = [&](std::initializer_list<std::uint8_t> start) {
        return std::ranges::equal(bytes.first(start.size()), start);
    };
    if (starts({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) ||
        starts({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
        return IpAddress::from(bytes.subspan(12));
    if (starts({0x20, 0x02}))
        return IpAddress::from(bytes.subspan(2, 4));
    return address;
}

namespace {

/// fd6d:7362:6e77::/96: unique local addresses (RFC 4193) that nothing else of ours uses.
constexpr Ipv6Bytes member_prefix = {0xfd, 0x6d, 0x73, 0x62, 0x6e, 0x77};
constexpr std::size_t member_prefix_size = 12;

} // namespace

IpAddress member_v6(const IpAddress& v4) {
    Ipv6Bytes bytes = member_prefix;
    std::ranges::copy(v4.v4_bytes(), bytes.begin() + member_prefix_size);
    return IpAddress(bytes);
}

IpAddress member_v4(const IpAddress& address) {
    const auto start = BytesView(member_prefix).first(member_prefix_size);
    if (address.v6 && std::ranges::equal(address.view().first(start.size()), start))
        return IpAddress::from(address.view().subspan(start.size()));
    return embedded_v4(address);
}

Group classify(const IpAddress& original, const Gateways& gateways,
               std::span<const Prefix> metadata) {
    const IpAddress address = embedded_v4(original);
    if (address == gateways.v4 || address == gateways.v6)
        return Group::host;
    if (gateways.network && gateways.network->contains(member_v4(original)))
        return Group::member;
    const auto holds = [&](const Prefix& prefix) { return prefix.contains(address); };
    if (std::ranges::any_of(metadata_services(), holds, &Range::prefix) ||
        std::ranges::any_of(metadata, holds))
        return Group::metadata;
    for (const Range& range : ranges())
        if (range.prefix.contains(address))
            return range.group;
    return Group::public_network; // IPv4
}

} // namespace msb::net
