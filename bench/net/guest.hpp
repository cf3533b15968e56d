// A guest of a bench: the other end of a link that is memory, with as little TCP as an endpoint needs that loses
// nothing and keeps nothing. What it costs is part of what is measured.
#pragma once

#include "net/stack.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <vector>

namespace msb::bench {

class Guest final : public Link {
  public:
    struct Connection {
        Endpoint guest, remote;
        std::uint32_t next = 1, acknowledged = 1, expected = 0;
        std::uint32_t window = 0;
        std::uint64_t received = 0;
        bool established = false, refused = false, ended = false, acknowledge = false;
    };

    explicit Guest(std::uint16_t mtu) : mtu_(mtu), frame_(65536 + 64), copy_(65536 + 64) {}

    void attach(net::Stack& stack) { stack_ = &stack; }
    /// Acknowledges what has come, which the stack may send more for: calls of link and sink do not
    /// nest. False: there was nothing.
    bool answer();
    Connection& connect(std::uint16_t port, const Endpoint& remote);
    /// As much as the window has room for.
    void fill(Connection& connection);
    void finish(Connection& connection) { segment(connection, fin | ack, 0); }
    void forget(const Connection& connection) {
        connections_.erase({connection.guest.port, connection.remote.port});
    }
    void datagram(std::uint16_t port, const Endpoint& remote, BytesView payload);
    std::map<std::pair<std::uint16_t, std::uint16_t>, Connection>& connections() {
        return connections_;
    }
    std::uint64_t datagrams = 0;
    bool listens = false; ///< peers of published ports are answered

    bool send(const Offload& offload, std::span<const iovec> frame) override;
    void flush() override {}
    bool takes_partial_checksums() const override { return true; }
    bool takes_large_segments(bool) const override { return true; }

    static constexpr Mac mac{2, 0, 0, 0, 0, 2}, gateway_mac{2, 0, 0, 0, 0, 1};
    const Subnet subnet{IpAddress(Ipv4Bytes{172, 16, 0, 2}), IpAddress(Ipv4Bytes{172, 16, 0, 1}),
                        30};

  private:
    static constexpr std::uint8_t fin = 1, syn = 2, rst = 4, ack = 16;
    static constexpr std::uint8_t scale = 7; ///< both sides' windows are read with their own
    void segment(Connection& connection, std::uint8_t flags, std::size_t payload);
    void deliver(std::size_t size);

    net::Stack* stack_ = nullptr;
    std::uint16_t mtu_;
    std::uint8_t their_scale_ = 0;
    Bytes frame_, copy_;
    std::map<std::pair<std::uint16_t, std::uint16_t>, Connection> connections_;
};

} // namespace msb::bench
