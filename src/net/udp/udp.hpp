// UDP of the guest, one connected host socket for each pair of endpoints, and published UDP ports.
#pragma once

#include "base/event_loop.hpp"
#include "net/dialer.hpp"
#include "net/flow_sockets.hpp"
#include "net/output.hpp"
#include "net/publish/use.hpp"

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace msb::net {

struct UdpDatagram {
    Endpoint source;
    Endpoint destination;
    BytesView payload;
};
/// `verify`: the checksum counts, if there is one.
std::optional<UdpDatagram> parse_udp(const IpPacket& packet, bool verify);

class Udp {
  public:
    static constexpr std::size_t max_flows = 256; ///< guest's; the least recently used one goes
    static constexpr std::size_t max_peers = 256; ///< of each published port
    static constexpr std::chrono::seconds idle_time{60}; ///< without a datagram either way

    Udp(EventLoop& loop, Output& output, Dialer& dialer, PublishedUse& published_use)
        : loop_(loop), output_(output), dialer_(dialer), published_use_(published_use),
          flows_(loop, max_flows, idle_time) {}
    ~Udp();

    /// `packet` is what `datagram` came in.
    void datagram(const UdpDatagram& datagram, BytesView packet);
    /// What comes to `socket` goes to `guest`, which sees it come from `gateway`.
    Status publish(OwnedFd socket, const Endpoint& guest, const IpAddress& gateway);
    /// A flow that another sandbox has begun goes on as if `guest` had. Dropped if those of others are
    /// many already, so that the guest's own have room.
    void join(const Endpoint& guest, const Endpoint& remote, Dialled dialled);
    void link_reset() { flows_.clear(); }
    void policy_changed();

    std::size_t flow_count() const { return flows_.size(); }

  private:
    using Clock = EventLoop::Clock;
    using Key = std::pair<Endpoint, Endpoint>; ///< the guest's, the remote's
    struct Peer {
        Endpoint address;
        Clock::time_point used;
        FlowRecord record;
    };
    struct Published {
        OwnedFd socket;
        Endpoint guest;
        IpAddress gateway;
        std::map<std::uint16_t, Peer> peers; ///< by the port the guest sees
        std::map<Endpoint, std::uint16_t> ports;
    };

    bool answer_published(const UdpDatagram& datagram);
    Result<int> flow(const Key& key);
    Status add(const Key& key, Dialled dialled);
    void send(const Key& key, Dialled& dialled, BytesView payload);
    std::optional<std::vector<Bytes>> take_quic(Dialled& dialled, BytesView datagram);
    bool still_allows_quic(const Dialled& dialled);
    void receive(const Key& key);
    void receive_published(Published& published);
    /// The port the guest sees; nothing if the policy does not let the peer in.
    std::optional<std::uint16_t> port_of(Published& published, const Endpoint& peer);
    void report(const Key& key, int error);

    EventLoop& loop_;
    Output& output_;
    Dialer& dialer_;
    PublishedUse& published_use_;
    FlowSockets<Key> flows_;
    std::vector<std::unique_ptr<Published>> published_;
    Bytes buffer_ = Bytes(65536);
};

} // namespace msb::net
