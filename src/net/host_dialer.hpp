// The host's network, behind the policy.
#pragma once

#include "net/dialer.hpp"
#include "net/host_routes.hpp"
#include "net/policy/policy.hpp"

#include <chrono>

namespace msb::net {

class HostDialer final : public Dialer {
  public:
    HostDialer(Policy policy, const Gateways& gateways, HostRoutes routes)
        : policy_(std::move(policy)), gateways_(gateways), routes_(std::move(routes)) {}

    /// The gateway's address leads to the host's loopback, for TCP its own family first.
    Result<OwnedFd> dial(const Flow& flow, unsigned attempt) override;

  private:
    Result<Group> group_of(const IpAddress& address);
    /// permission_denied unless the policy allows it.
    Status admit(const Flow& flow);

    bool is_gateway(const IpAddress& address) const {
        return address == gateways_.v4 || address == gateways_.v6;
    }

    Policy policy_;
    Gateways gateways_;
    HostRoutes routes_;
    // A guest can cause any number of denials, so log only a few lines a minute.
    unsigned lines_left_ = 0;
    std::chrono::steady_clock::time_point lines_since_{};
};

/// Whether a family has a route to anywhere. Sends nothing.
bool host_has_route(bool v6);

} // namespace msb::net
