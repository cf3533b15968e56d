// ICMP and ICMPv6 of the guest: echoes, and neighbour discovery of the gateway.
#pragma once

#include "net/dialer.hpp"
#include "net/flow_sockets.hpp"
#include "net/members/membership.hpp"
#include "net/output.hpp"
#include "net/policy/policy.hpp"

namespace msb::net {

class Icmp {
  public:
    static constexpr std::size_t max_flows = 64;
    static constexpr std::chrono::seconds idle_time{30};

    Icmp(EventLoop& loop, Output& output, Dialer& dialer, const Gateways& gateways,
         const Membership* membership)
        : output_(output), dialer_(dialer), gateways_(gateways), membership_(membership),
          flows_(loop, max_flows, idle_time) {}

    void message(const IpPacket& packet, bool verify);
    void link_reset() { flows_.clear(); }
    void policy_changed() {
        flows_.keep_if([this](const Dialled& dialled) {
            return !dialled.record.judged() || dialer_.still_allows(dialled.record.flow);
        });
    }
    std::size_t flow_count() const { return flows_.size(); }

  private:
    struct Key {
        IpAddress guest;
        IpAddress remote;
        std::uint16_t id;
        auto operator<=>(const Key&) const = default;
    };

    void echo(const IpPacket& packet);
    void answer(const IpPacket& packet);
    void echo_of_member(const IpPacket& packet);
    void solicitation(const IpPacket& packet);
    void receive(const Key& key);
    bool is_gateway(const IpAddress& address) const {
        return address == gateways_.v4 || address == gateways_.v6;
    }

    Output& output_;
    Dialer& dialer_;
    Gateways gateways_;
    const Membership* membership_;
    FlowSockets<Key> flows_;
};

} // namespace msb::net
