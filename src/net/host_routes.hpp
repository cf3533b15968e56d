// Whether an address is this machine's own: the kernel's routing is asked for each flow
// (rtnetlink(7)), so the answer is that of a connection made at this moment, whatever interfaces
// come and go.
#pragma once

#include "base/address.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstdint>

namespace msb::net {

class HostRoutes {
  public:
    /// Opens the socket that all questions go through; afterwards no other is needed.
    static Result<HostRoutes> open();

    /// Whether what is sent to the address ends on this machine: an address of an interface, of the
    /// local routing table, an IPv6 anycast address or an IPv4 broadcast. An error, with its errno:
    /// there is no way to the address (ENETUNREACH, EHOSTUNREACH and the like), or it is unknown.
    Result<bool> lead_here(const IpAddress& address);

  private:
    explicit HostRoutes(OwnedFd socket) : socket_(std::move(socket)) {}

    OwnedFd socket_;
    std::uint32_t sequence_ = 0;
};

/// Whether a family has a route to anywhere. Sends nothing.
bool host_has_route(bool v6);

} // namespace msb::net
