// Published ports: what the host's listening sockets accept goes on to the guest.
#pragma once

#include "base/address.hpp"
#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "net/tcp/tcp.hpp"

#include <optional>
#include <vector>

namespace msb::net {

/// One listening TCP socket.
class Publisher {
  public:
    /// `v4`, `v6`: the active families, at least one. A peer is handed on in its own family, or in
    /// the other one if the guest does not have the first or refuses; if it refuses both, to the
    /// guest's IPv4 loopback. `gate` is asked about each peer; one that it does not let in is reset.
    Publisher(EventLoop& loop, Tcp& tcp, Dialer& gate, OwnedFd listener, std::uint16_t guest_port,
              const std::optional<Subnet>& v4, const std::optional<Subnet>& v6)
        : loop_(loop), tcp_(tcp), gate_(gate), listener_(std::move(listener)),
          guest_port_(guest_port), v4_(v4), v6_(v6) {}
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    Status start();

  private:
    void accept();
    void hand_on(OwnedFd socket, const Endpoint& from);
    std::vector<GuestPort> places(bool v6) const;

    EventLoop& loop_;
    Tcp& tcp_;
    Dialer& gate_;
    OwnedFd listener_;
    std::uint16_t guest_port_;
    std::optional<Subnet> v4_, v6_;
    EventLoop::TimerId pause_ = 0;
};

} // namespace msb::net
