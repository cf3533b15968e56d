// ICMP and ICMPv6 of the guest: echoes, and neighbour discovery of the gateway.
#pragma once

#include "base/event_loop.hpp"
#include "net/dialer.hpp"
#include "net/output.hpp"
#include "net/policy/policy.hpp"

#include <map>

namespace msb::net {

class Icmp {
  public:
    static constexpr std::size_t max_flows = 64;
    static constexpr std::chrono::seconds idle_time{30};

    Icmp(EventLoop& loop, Output& output, Dialer& dialer, const Gateways& gateways)
        : loop_(loop), output_(output), dialer_(dialer), gateways_(gateways) {}
    ~Icmp();

    void message(const IpPacket& packet, bool verify);
    void link_reset();
    std::size_t flow_count() const { return flows_.size(); }

  private:
    using Clock = EventLoop::Clock;
    struct Key {
        IpAddress guest;
        IpAddress remote;
        std::uint16_t id;
        auto operator<=>(const Key&) const = default;
    };
    struct Socket {
        OwnedFd socket;
        Clock::time_point used;
    };

    void echo(const IpPacket& packet);
    void solicitation(const IpPacket& packet);
    void receive(const Key& key);
    void drop(std::map<Key, Socket>::iterator flow);
    void sweep_later();
    bool is_gateway(const IpAddress& address) const {
        return address == gateways_.v4 || address == gateways_.v6;
    }

    EventLoop& loop_;
    Output& output_;
    Dialer& dialer_;
    Gateways gateways_;
    std::map<Key, Socket> flows_;
    EventLoop::TimerId timer_ = 0;
};

} // namespace msb::net
