// The stack's way to the host's network: sockets, and only those that the policy allows.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "net/flow.hpp"

namespace msb::net {

/// Errors: permission_denied if the policy refuses; else the host's error, with its errno.
class Dialer {
  public:
    virtual ~Dialer() = default;
    /// All sockets are non-blocking and connected, or about to be. ICMP: a ping socket, whose
    /// messages are echoes. `attempt` counts from 0: a destination may lead to several places,
    /// which are tried in turn. not_found: there is none left.
    virtual Result<OwnedFd> dial(const Flow& flow, unsigned attempt) = 0;
    /// Whether a flow may be that needs no new socket: a lookup, or what a peer of a published port
    /// begins.
    virtual Status admit(const Flow& flow) = 0;
};

} // namespace msb::net
