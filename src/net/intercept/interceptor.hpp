// netd's side of interception: which connections are handed over to tlsd, and how.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "net/flow.hpp"
#include "net/intercept/plan.hpp"
#include "net/policy/rules.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace msb::net {

/// A pattern of hosts, "NAME" or "*.NAME", as a rule has it.
DomainTarget host_pattern(std::string_view text);

class Interceptor {
  public:
    /// `channel`: a packet socket to tlsd.
    Interceptor(InterceptionPlan plan, OwnedFd channel);

    /// Whether a connection's opening decides about its interception.
    bool concerns(const Flow& flow) const;
    /// Whether QUIC must not be on this flow.
    bool forbids_quic(const Flow& flow) const;
    /// `flow` with its opening. What the guest's bytes go to in place of `upstream`, which tlsd has
    /// then; nothing: the connection goes on as it is. Fails if there is no tlsd any more.
    Result<OwnedFd> take(const Flow& flow, int upstream);

  private:
    bool is_port(std::uint16_t port) const;
    bool is_bypassed(const Flow& flow) const;

    InterceptionPlan plan_;
    std::vector<DomainTarget> bypass_;
    OwnedFd channel_;
};

} // namespace msb::net
