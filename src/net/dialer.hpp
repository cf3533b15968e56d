// The stack's way to the host's network: sockets, and only those that the policy allows.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "net/flow.hpp"
#include "net/handshake.hpp"
#include "net/ledger/ledger.hpp"
#include "net/quic/opening.hpp"

#include <memory>

namespace msb::net {

/// A flow that may be, and its socket: non-blocking and connected, or about to be. ICMP: a ping
/// socket, whose messages are echoes.
struct Dialled {
    OwnedFd socket;
    FlowRecord record; ///< with the flow as it was judged, with its names
    /// Nothing of the guest's may go out before its opening was seen, and the flow with it admitted
    /// again and perhaps intercepted.
    bool depends_on_opening = false;
    /// UDP: no QUIC at all may go out.
    bool forbids_quic = false;
    /// UDP whose opening counts: of the QUIC on it, once there is some.
    std::unique_ptr<quic::FlowReader> quic{};
    /// The socket leads to a proxy, or to another sandbox, which has to be asked first.
    std::unique_ptr<Handshake> handshake{};
};

/// Errors: permission_denied if the policy refuses, with its reason; else the host's error, with
/// its errno.
class Dialer {
  public:
    virtual ~Dialer() = default;
    /// `attempt` counts from 0: a destination may lead to several places, which are tried in turn.
    /// not_found: there is none left.
    virtual Result<Dialled> dial(const Flow& flow, unsigned attempt) = 0;
    /// Whether a flow may be that needs no new socket: a lookup, what a peer of a published port
    /// begins, or one that is known better now.
    virtual Status admit(const Flow& flow) = 0;
    /// The record of one that was admitted and begins now.
    virtual FlowRecord begin(const Flow& flow) = 0;
    /// Whether a flow that was admitted may still be.
    virtual bool still_allows(const Flow& flow) = 0;
    /// Whether the answer to a lookup may hold an address.
    virtual Status admit_answer(const IpAddress& address) = 0;
    /// What takes the place of a flow's socket when its opening was seen and admitted, while the
    /// socket itself is with who decrypts it; nothing: the flow goes on as it is.
    virtual Result<OwnedFd> intercept(const Flow&, int /*socket*/) { return OwnedFd(); }
    /// Whether clients have to show whom they ask for: for rules by name, or for interception.
    virtual bool has_names() const = 0;
};

} // namespace msb::net
