#include "spec/network_plan.hpp"

#include "base/sha256.hpp"

namespace msb {

namespace {

constexpr std::uint8_t v4_prefix = 30, v6_prefix = 64;
const Prefix usual_v4_pool{IpAddress(Ipv4Bytes{172, 16, 0, 0}), 12};
const Prefix usual_v6_pool{IpAddress(Ipv6Bytes{0xfd, 0x42, 0x6d, 0x73, 0x00, 0x62}), 48};

IpAddress plus(const IpAddress& network, std::uint64_t number) {
    IpAddress sum = network;
    const std::size_t size = network.v6 ? 16 : 4;
    for (std::size_t i = size; i > 0 && number > 0; --i) {
        number += sum.bytes[i - 1];
        sum.bytes[i - 1] = static_cast<std::uint8_t>(number);
        number >>= 8;
    }
    return sum;
}

/// A network of the pool by the name's hash. Each sandbox is a network of its own, so that two may
/// have the same.
Subnet of_pool(const Prefix& pool, std::uint64_t hash) {
    Subnet subnet{{}, {}, pool.network.v6 ? v6_prefix : v4_prefix};
    const unsigned free_bits = std::min(16U, subnet.prefix - pool.bits);
    const std::uint64_t slot = hash & ((std::uint64_t{1} << free_bits) - 1);
    IpAddress network = pool.network;
    if (network.v6) { // the slot is in the upper half
        const MutableBytesView upper = MutableBytesView(network.bytes).first(8);
        store_be(upper, load_be<std::uint64_t>(BytesView(upper)) | slot);
    } else {
        network = plus(network, slot << (32 - v4_prefix));
    }
    subnet.guest = plus(network, 2);
    subnet.gateway = plus(network, 1);
    return subnet;
}

Subnet around(const IpAddress& guest) {
    Subnet subnet{guest, guest, guest.v6 ? v6_prefix : v4_prefix};
    if (guest.v6)
        store_be(MutableBytesView(subnet.gateway.bytes).subspan(8), std::uint64_t{1});
    else
        --subnet.gateway.bytes[3];
    return subnet;
}

} // namespace

NetworkPlan NetworkPlan::make(std::string_view name, const InterfaceSpec& interface, bool with_v4,
                              bool with_v6) {
    const auto digest = sha256(as_bytes(name));
    const std::uint8_t high = digest[0], low = digest[1];
    NetworkPlan plan;
    plan.mtu = interface.mtu;
    plan.gateway_mac = {0x02, 0x6d, 0x73, high, low, 0x01};
    plan.guest_mac = interface.mac.value_or(Mac{0x02, 0x6d, 0x73, high, low, 0x02});
    if (plan.guest_mac == plan.gateway_mac)
        plan.gateway_mac[5] = 0x03;
    const std::uint64_t hash = std::uint64_t{high} << 8 | low;
    if (interface.v4)
        plan.v4 = around(*interface.v4);
    else if (with_v4)
        plan.v4 = of_pool(interface.v4_pool.value_or(usual_v4_pool), hash);
    if (interface.v6)
        plan.v6 = around(*interface.v6);
    else if (with_v6)
        plan.v6 = of_pool(interface.v6_pool.value_or(usual_v6_pool), hash);
    return plan;
}

std::string describe(const Subnet& subnet) {
    const std::string gateway = subnet.gateway.to_string();
    return "addr=" + subnet.guest.to_string() + "/" + std::to_string(subnet.prefix) +
           ",gw=" + gateway + ",dns=" + gateway;
}

} // namespace msb
