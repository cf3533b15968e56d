#include "spec/network_plan.hpp"

#include "base/sha256.hpp"

namespace msb {

NetworkPlan NetworkPlan::make(std::string_view name, bool with_v4, bool with_v6) {
    // One /30 of 172.16.0.0/12 and one /64 of fd42:6d73:62::/48 by name. Each sandbox is a network
    // of its own, so that two may have the same.
    const auto hash = sha256(as_bytes(name));
    const std::uint8_t high = hash[0], low = hash[1];
    NetworkPlan plan;
    plan.guest_mac = {0x02, 0x6d, 0x73, high, low, 0x02};
    plan.gateway_mac = {0x02, 0x6d, 0x73, high, low, 0x01};
    if (with_v4) {
        const std::uint32_t base =
            (std::uint32_t{172} << 24 | std::uint32_t{16} << 16) + 4u * (256u * high + low);
        const auto address = [&](std::uint32_t host) {
            Ipv4Bytes bytes{};
            store_be(MutableBytesView(bytes), base + host);
            return IpAddress(bytes);
        };
        plan.v4 = Subnet{address(2), address(1), 30};
    }
    if (with_v6) {
        const auto address = [&](std::uint8_t host) {
            return IpAddress(Ipv6Bytes{0xfd, 0x42, 0x6d, 0x73, 0x00, 0x62, high, low, 0, 0, 0, 0, 0,
                                       0, 0, host});
        };
        plan.v6 = Subnet{address(2), address(1), 64};
    }
    return plan;
}

std::string describe(const Subnet& subnet) {
    const std::string gateway = subnet.gateway.to_string();
    return "addr=" + subnet.guest.to_string() + "/" + std::to_string(subnet.prefix) +
           ",gw=" + gateway + ",dns=" + gateway;
}

} // namespace msb
