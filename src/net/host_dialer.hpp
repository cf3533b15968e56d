// The host's network, behind the policy.
#pragma once

#include "net/dialer.hpp"
#include "net/host_judge.hpp"
#include "net/intercept/interceptor.hpp"
#include "net/members/membership.hpp"
#include "net/policy/policy.hpp"
#include "net/proxy/exemptions.hpp"
#include "net/proxy/proxy.hpp"

#include <chrono>
#include <optional>

namespace msb::net {

class HostDialer final : public Dialer {
  public:
    /// `ledger`: may be none.
    HostDialer(Policy policy, const Gateways& gateways, HostRoutes routes, Ledger* ledger = nullptr)
        : policy_(std::move(policy)), gateways_(gateways), routes_(std::move(routes)),
          ledger_(ledger) {}

    /// The gateway's address leads to the host's loopback, for TCP its own family first.
    Result<Dialled> dial(const Flow& flow, unsigned attempt) override;
    Status admit(const Flow& flow) override;
    FlowRecord begin(const Flow& flow) override;
    bool still_allows(const Flow& flow) override;
    Status admit_answer(const IpAddress& address) override;
    Result<OwnedFd> intercept(const Flow& flow, int socket) override;
    bool has_names() const override { return interceptor_ != nullptr || net::has_names(policy_); }

    /// TCP to anywhere but this machine and what is exempt goes through it; what it cannot carry is
    /// refused.
    void set_proxy(Proxy proxy) {
        exempt_ = Exemptions::parse(proxy.exempt);
        proxy_ = std::move(proxy);
    }
    /// What is for other members of the sandbox's private network goes there, and nowhere else.
    void set_membership(const Membership& membership) { membership_ = &membership; }
    void set_interceptor(Interceptor& interceptor) { interceptor_ = &interceptor; }
    const Policy& policy() const { return policy_; }
    void set_policy(Policy policy) { policy_ = std::move(policy); }

  private:
    Result<Verdict> decide(const Flow& flow);
    std::string rule_text(const Verdict& verdict) const;
    FlowRecord record_of(const Flow& flow, const Verdict& verdict);
    Result<OwnedFd> socket_of(const Flow& flow, unsigned attempt) const;
    std::string proxied_host(const Flow& flow, const Verdict& verdict) const;
    Result<Dialled> through_proxy(const Flow& flow, const Verdict& verdict);
    void log_denial(const Flow& flow, const Verdict& verdict, std::string_view reason);

    bool is_member(const IpAddress& address) const {
        return membership_ != nullptr && membership_->has(address);
    }
    bool is_gateway(const IpAddress& address) const {
        return address == gateways_.v4 || address == gateways_.v6;
    }

    Policy policy_;
    std::optional<Proxy> proxy_;
    Exemptions exempt_;
    Gateways gateways_;
    HostRoutes routes_;
    Ledger* ledger_;
    const Membership* membership_ = nullptr;
    Interceptor* interceptor_ = nullptr;
    // A guest can cause any number of denials, so log only a few lines a minute.
    unsigned lines_left_ = 0;
    std::chrono::steady_clock::time_point lines_since_{};
};

} // namespace msb::net
