// A stack with a guest made of frames and a host made of socket pairs.
#pragma once

#include "base/event_loop.hpp"
#include "net/stack.hpp"

#include <deque>
#include <functional>
#include <memory>

namespace msb::net::testing {

class FakeLink final : public Link {
  public:
    bool send(const Offload& offload, std::span<const iovec> frame) override;
    void flush() override {}
    bool takes_partial_checksums() const override { return partial_checksums; }
    bool takes_large_segments(bool) const override { return large_segments; }

    bool full = false;
    bool partial_checksums = false;
    bool large_segments = false;
    std::deque<Bytes> frames;
};

/// Each connection is one end of a socket pair; the other is in `peers`.
class FakeDialer final : public Dialer {
  public:
    Result<Dialled> dial(const Flow& flow, unsigned attempt) override;
    Status admit(const Flow& flow) override;
    FlowRecord begin(const Flow&) override { return {}; }
    bool still_allows(const Flow& flow) override { return !admits || admits(flow).has_value(); }
    Status admit_answer(const IpAddress& address) override;
    bool has_names() const override { return names_count; }

    std::optional<Error> failure; ///< what every call ends in
    std::vector<Endpoint> dialled;
    std::vector<Flow> asked; ///< about what needs no socket
    std::function<Status(const Flow&)> admits;
    std::optional<IpAddress> unwanted; ///< in answers
    bool names_count = false;          ///< there are rules by name
    bool depends_on_opening = false;
    std::deque<OwnedFd> peers;
};

class World {
  public:
    explicit World(std::size_t max_connections = 256);

    /// A packet of the guest's.
    void send(const IpHeader& header, BytesView transport);
    void send(const TcpSegment& segment);
    void send_udp(const Endpoint& source, const Endpoint& destination, BytesView payload);
    void send_icmp(const IpAddress& destination, Bytes message);
    /// The next packet to the guest.
    std::optional<IpPacket> next();
    std::optional<TcpSegment> next_tcp();
    std::optional<UdpDatagram> next_udp();
    /// Lets the stack see what its sockets have.
    void settle();
    void wait(std::chrono::milliseconds time);

    const Subnet v4{IpAddress(Ipv4Bytes{172, 16, 0, 2}), IpAddress(Ipv4Bytes{172, 16, 0, 1}), 30};
    const Subnet v6{*IpAddress::parse("fd42:6d73:62::2"), *IpAddress::parse("fd42:6d73:62::1"), 64};
    const Mac guest_mac{2, 0, 0, 0, 0, 2}, gateway_mac{2, 0, 0, 0, 0, 1};
    std::unique_ptr<EventLoop> loop;
    FakeLink link;
    FakeDialer dialer;
    std::unique_ptr<Stack> stack;

  private:
    Bytes last_; ///< what next() has parsed
};

} // namespace msb::net::testing
