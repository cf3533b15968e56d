// The host's network, behind the policy.
#pragma once

#include "net/dialer.hpp"
#include "net/policy/policy.hpp"

#include <chrono>

namespace msb::net {

class HostDialer final : public Dialer {
  public:
    HostDialer(const Policy& policy, const Gateways& gateways)
        : policy_(policy), gateways_(gateways) {}

    /// The gateway's address leads to the host's loopback, its own family first.
    Result<OwnedFd> tcp(const Endpoint& destination, unsigned attempt) override;
    Result<OwnedFd> udp(const Endpoint& destination) override;
    Result<OwnedFd> ping(const IpAddress& destination) override;

  private:
    /// permission_denied unless the policy allows it.
    Result<Group> admit(std::string_view protocol, const Endpoint& destination);

    bool is_gateway(const IpAddress& address) const {
        return address == gateways_.v4 || address == gateways_.v6;
    }

    Policy policy_;
    Gateways gateways_;
    // Denials are the guest's to cause: a few lines a minute are enough.
    unsigned lines_left_ = 0;
    std::chrono::steady_clock::time_point lines_since_{};
};

/// Whether a family has a route to anywhere. Sends nothing.
bool host_has_route(bool v6);

} // namespace msb::net
