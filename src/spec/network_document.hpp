// A network as a document: policy files, --net-conf, and the library's option `network`.
//
//   policy: git-hosts                     # named; what stands here goes before it
//   profiles: [public]
//   rules:                                # the first that matches decides
//     - deny@*.example.org                # as of --net-rule
//     - {action: allow, destination: 10.0.0.0/8, protocol: tcp, ports: [80, 8000-8010]}
//   deny: [tracker.example]               # targets; asked behind the rules, before `allow`
//   allow: [pypi.org:tcp:443]             # with one of these nothing else is reached
//   default_egress: deny                  # `default` for both directions
//   default_ingress: allow
//   dns: {nameservers: [9.9.9.9], query_timeout_ms: 5000, rebind_protection: true}
//   ports: ["127.0.0.1:8080:80"]
//   max_connections: 256
//   proxy: socks5://127.0.0.1:1080         # or env
//   interface: {mtu: 9000, ipv4: 10.0.0.2, ipv4_pool: 10.0.0.0/16}
//   tls: {bypass: ["*.pinned.example"]}   # interception; spec/tls_spec.hpp
//   trust_host_cas: false
//   rate_limiter: {egress: {bandwidth: 10M/1s, ops: {size: 1000, refill_time_ms: 1000}}}
//
// Anything that is not understood is an error, because a guest must not reach more than was meant.
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"
#include "spec/network_spec.hpp"

namespace msb {

/// Errors are invalid_argument and name the member. Also `true`, which is a network with the usual
/// policy, and `false`, which is none.
Result<NetworkSpec> read_network_document(const json::Value& document);

} // namespace msb
