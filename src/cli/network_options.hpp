// --net, --net-rule, --dns-nameserver, --publish and the like, of `run` and `create`.
#pragma once

#include "base/result.hpp"
#include "sandbox/home.hpp"
#include "spec/network_spec.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb::cli {

class Command;

/// How a guest is connected.
struct LinkOptions {
    struct Rate {
        std::string rate, burst;
    };
    struct Direction {
        Rate bandwidth, ops;
    };
    Direction egress, ingress;
    std::string v4, v6, v4_pool, v6_pool, mac;
    std::optional<std::uint64_t> mtu;
};

struct TlsOptions {
    bool intercept = false, no_block_quic = false, trust_host_cas = false;
    std::vector<std::string> ports, bypass, no_verify, upstream_cas, scoped_cas,
        client_certificates;
    std::string ca_certificate, ca_key;
    std::vector<std::string> secrets, secret_files;
    std::string violation_action;
};

struct NetworkOptions {
    bool no_net = false;
    bool observe = false;
    std::string policy;
    std::string file;
    std::vector<std::string> net;
    std::string network; ///< the private one to join
    std::vector<std::string> rules;
    std::string default_both, default_egress, default_ingress; ///< allow, deny or nothing
    std::vector<std::string> publish;
    std::vector<std::string> nameservers;
    std::optional<std::uint64_t> query_timeout_ms;
    bool no_rebind_protection = false;
    bool no_explanations = false;
    std::optional<std::uint64_t> max_connections;
    LinkOptions link;
    std::string proxy;
    TlsOptions tls;

    /// But for --net-rule.
    bool says_what_is_reached() const {
        return no_net || observe || !policy.empty() || !file.empty() || !net.empty() ||
               !default_both.empty() || !default_egress.empty() || !default_ingress.empty();
    }
};

void add_network_options(Command& command, NetworkOptions& options);
/// --secret, --secret-conf and what becomes of violations.
void add_secret_options(Command& command, TlsOptions& options);
/// What these say.
Result<SecretsSpec> said_secrets(const TlsOptions& options);
/// Those of them that a sandbox can be changed by.
void add_modification_options(Command& command, NetworkOptions& options);
/// What the options and the file that they name say, and no more.
Result<NetworkSpec> said_network(const NetworkOptions& options);
/// Complete, with what policies and defaults in `home` say.
Result<NetworkSpec> make_network(const NetworkOptions& options, const Home& home);

} // namespace msb::cli
