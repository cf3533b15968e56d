// The gateway of a guest: everything it sends ends here, and goes on as the host's own sockets.
#pragma once

#include "base/event_loop.hpp"
#include "link/link.hpp"
#include "net/deny/http_denials.hpp"
#include "net/dialer.hpp"
#include "net/dns/forwarder.hpp"
#include "net/frames/reassembly.hpp"
#include "net/icmp/icmp.hpp"
#include "net/members/membership.hpp"
#include "net/output.hpp"
#include "net/policy/groups.hpp"
#include "net/tcp/tcp.hpp"
#include "net/udp/udp.hpp"

#include <optional>
#include <vector>

namespace msb::net {

class Stack final : public FrameSink {
  public:
    struct Config {
        Output::Config link;
        std::optional<Subnet> v4, v6; ///< the active families
        std::vector<Endpoint> resolvers;
        std::string resolver_file{}; ///< that these follow; empty: none
        std::chrono::milliseconds dns_time = DnsExchange::usual_time;
        std::size_t max_connections = 256;
        std::string sandbox;              ///< its name, for those who are refused
        bool explain_denials = true;      ///< to plain HTTP
        Membership* membership = nullptr; ///< in a private network, if the sandbox has joined one
    };
    /// All references must outlive the stack; `loop` is the one that calls it.
    Stack(EventLoop& loop, Link& link, Dialer& dialer, const Config& config);

    void frame(BytesView frame, bool checksums_open) override;
    void frames_done() override;
    void room() override;
    void link_reset() override;

    /// The policy is another one: flows that it refuses end.
    void policy_changed(std::size_t max_connections);

    Gateways gateways() const;
    Tcp& tcp() { return tcp_; }
    Udp& udp() { return udp_; }
    /// Who decides what may come in.
    Dialer& gate() { return switch_; }
    const Icmp& icmp() const { return icmp_; }
    PublishedUse& published_use() { return published_use_; }
    DnsForwarder& dns() { return dns_; }

  private:
    /// Connections to name servers lead to ours, all others out, under the names that the guest
    /// knows their destinations by; those of HTTP that may not go out, to where they learn why.
    class Switch final : public Dialer {
      public:
        Switch(Stack& stack, Dialer& out) : stack_(stack), out_(out) {}
        Result<Dialled> dial(const Flow& flow, unsigned attempt) override;
        Status admit(const Flow& flow) override { return out_.admit(named(flow)); }
        FlowRecord begin(const Flow& flow) override { return out_.begin(flow); }
        bool still_allows(const Flow& flow) override { return out_.still_allows(flow); }
        Status admit_answer(const IpAddress& address) override {
            return out_.admit_answer(address);
        }
        Result<OwnedFd> intercept(const Flow& flow, int socket) override {
            return out_.intercept(flow, socket);
        }
        bool has_names() const override { return out_.has_names(); }

      private:
        Flow named(const Flow& flow) const;
        Result<Dialled> dial_out(const Flow& flow, unsigned attempt);

        Stack& stack_;
        Dialer& out_;
    };

    void from_member(const Flow& flow, OwnedFd socket);
    bool is_member(const IpAddress& address) const;
    void arp(BytesView payload);
    void ip(const IpPacket& packet, bool verify);
    void fragment(const IpPacket& packet);
    void udp_packet(const IpPacket& packet, bool verify);
    bool from_guest(const IpPacket& packet) const;
    bool is_gateway(const IpAddress& address) const;

    Config config_;
    Reassembler reassembler_;
    Output output_;
    Switch switch_;
    DnsForwarder dns_;
    HttpDenials denials_;
    PublishedUse published_use_;
    Tcp tcp_;
    Udp udp_;
    Icmp icmp_;
};

} // namespace msb::net
