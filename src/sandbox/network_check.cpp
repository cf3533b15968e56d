#include "sandbox/network_check.hpp"

#include "base/address.hpp"
#include "net/host_judge.hpp"
#include "net/policy/policy.hpp"
#include "sandbox/launch/netd.hpp"
#include "spec/network_plan.hpp"

namespace msb {

namespace {

class Checker {
  public:
    Checker(const SandboxSpec& spec, net::Policy policy, net::HostRoutes routes)
        : active_(spec.network.active()), policy_(std::move(policy)), routes_(std::move(routes)) {
        const NetworkPlan plan = NetworkPlan::make(
            spec.name, spec.network.interface, spec.network.joined || net::host_has_route(false),
            spec.network.joined || net::host_has_route(true));
        if (plan.v4)
            gateways_.v4 = plan.v4->gateway;
        if (plan.v6)
            gateways_.v6 = plan.v6->gateway;
        if (spec.network.joined)
            gateways_.network = spec.network.joined.subnet;
    }

    NetworkAnswer address(const IpAddress& address, const NetworkDestination& to) {
        const net::Flow flow{.protocol = to.protocol, .destination = {address, to.port}};
        if (!active_)
            return no_network(flow.to_string());
        if (!(address.v6 ? gateways_.v6 : gateways_.v4))
            return {flow.to_string(), false, "",
                    std::string("the guest has no ") + (address.v6 ? "IPv6" : "IPv4") +
                        ": this machine has no route for it"};
        const auto verdict = net::judge_here(flow, policy_, gateways_, routes_);
        if (!verdict)
            return {flow.to_string(), false, "",
                    "whether the address is this machine's own cannot be told: " +
                        verdict.error().message()};
        return answer(flow.to_string(), flow, *verdict);
    }

    std::vector<NetworkAnswer> name(const std::string& name, const NetworkDestination& to) {
        const net::Flow lookup{.protocol = net::Protocol::udp,
                               .destination = {gateway(), net::dns_port},
                               .names = {name},
                               .lookup = true};
        if (!active_)
            return {no_network(lookup.to_string())};
        std::vector<NetworkAnswer> answers{
            answer(lookup.to_string(), lookup, net::judge(lookup, net::Group::host, policy_))};
        if (!answers[0].allow)
            return answers;
        if (name == net::host_alias) {
            answers.push_back(address(gateway(), to));
            return answers;
        }
        // Of no number that a prefix could match.
        const net::Flow flow{
            .protocol = to.protocol, .destination = {{}, to.port}, .names = {name}};
        answers.push_back(answer(std::string(net::to_string(to.protocol)) + " to " + name + ":" +
                                     std::to_string(to.port) + ", at a public address",
                                 flow, net::judge(flow, net::Group::public_network, policy_)));
        return answers;
    }

  private:
    IpAddress gateway() const {
        return (gateways_.v4 ? gateways_.v4 : gateways_.v6).value_or(IpAddress());
    }
    NetworkAnswer answer(std::string text, const net::Flow& flow,
                         const net::Verdict& verdict) const {
        return {std::move(text), verdict.allow,
                verdict.rule ? policy_.rules[*verdict.rule].to_string() : "",
                net::explain(verdict, flow, policy_)};
    }
    static NetworkAnswer no_network(std::string text) {
        return {std::move(text), false, "", "the sandbox has no network"};
    }

    bool active_;
    net::Policy policy_;
    net::HostRoutes routes_;
    net::Gateways gateways_;
};

} // namespace

Result<NetworkDestination> NetworkDestination::parse(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return fail(ErrorKind::invalid_argument, "invalid destination '" + std::string(text) +
                                                     "': " + std::string(why) +
                                                     " (expected HOST[:PORT[/tcp|udp]])");
    };
    NetworkDestination to;
    std::string_view rest = text;
    if (const auto slash = rest.rfind('/'); slash != std::string_view::npos) {
        const std::string_view protocol = rest.substr(slash + 1);
        if (protocol != "tcp" && protocol != "udp")
            return bad("the protocol is tcp or udp");
        to.protocol = protocol == "udp" ? net::Protocol::udp : net::Protocol::tcp;
        rest = rest.substr(0, slash);
    }
    const bool bracketed = rest.starts_with('[');
    const auto colon = rest.rfind(':');
    const bool has_port = colon != std::string_view::npos && !IpAddress::parse(rest) &&
                          (!bracketed || rest[colon - 1] == ']');
    if (has_port) {
        const auto port = parse_port(rest.substr(colon + 1));
        if (!port || *port == 0)
            return bad("ports are 1 to 65535");
        to.port = *port;
        rest = rest.substr(0, colon);
    }
    if (bracketed && rest.ends_with(']'))
        rest = rest.substr(1, rest.size() - 2);
    to.host = rest;
    if (IpAddress::parse(rest))
        return to;
    // A name in the form that rules have it in.
    const auto rule = net::parse_rules("allow@domain=" + to.host);
    if (bracketed || to.host.find_first_of(":,@") != std::string::npos || !rule ||
        rule->size() != 1)
        return bad("the host is an address or a name");
    to.host = std::get<net::DomainTarget>(rule->front().target).name;
    return to;
}

Result<std::vector<NetworkAnswer>> check_network(const SandboxSpec& spec, const Home& home,
                                                 const NetworkDestination& destination) {
    Checker checker(spec, MSB_TRY(policy_of(spec.network, home.root())),
                    MSB_TRY(net::HostRoutes::open()));
    if (const auto address = IpAddress::parse(destination.host))
        return std::vector{checker.address(*address, destination)};
    return checker.name(destination.host, destination);
}

} // namespace msb
