// Interception: whether and how a sandbox's TLS connections are opened on their way, and whom it
// trusts.
#pragma once

#include "base/result.hpp"
#include "json/fwd.hpp"
#include "spec/secret_spec.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

/// A file that counts for the hosts a pattern matches: "api.example.org", "*.example.org" (that name
/// and all below it), an address, or "*".
struct ScopedFile {
    std::string pattern;
    std::string path;
    bool operator==(const ScopedFile&) const = default;
};
struct ClientCertificate {
    std::string pattern;
    std::string certificate, key; ///< PEM files of the host
    bool operator==(const ClientCertificate&) const = default;
};

struct TlsSpec {
    bool intercept = false;
    std::vector<std::uint16_t> ports; ///< none: 443
    std::vector<std::string> bypass;  ///< patterns of hosts whose connections stay as they are
    bool block_quic = true;           ///< on those ports, since it cannot be intercepted
    /// The authority that the guest is to trust, PEM files; none: one of $MSB_HOME/tls, or one that
    /// is made at each start.
    std::string ca_certificate, ca_key;
    bool verify_upstream = true;
    std::vector<std::string> no_verify; ///< patterns of hosts whose certificates are not checked
    std::vector<std::string> upstream_cas;
    std::vector<ScopedFile> scoped_upstream_cas;
    std::vector<ClientCertificate> client_certificates;
    SecretsSpec secrets;         ///< which need interception
    bool trust_host_cas = false; ///< the guest trusts whom this machine does; needs no interception

    std::vector<std::uint16_t> intercepted_ports() const;
    bool operator==(const TlsSpec&) const = default;
};

/// In lower case and without a dot at the end.
Result<std::string> parse_host_pattern(std::string_view text);
/// "PATTERN=PATH"; the path is below the working directory unless it is absolute.
Result<ScopedFile> parse_scoped_file(std::string_view text);
/// "PATTERN=CERTIFICATE,KEY", or one file that has both.
Result<ClientCertificate> parse_client_certificate(std::string_view text);
Status validate_tls(const TlsSpec& tls);

/// What is said in `given` counts before what is said in `base`.
TlsSpec combine(TlsSpec base, TlsSpec given);

/// {"enabled", "intercepted_ports", "bypass", "block_quic", "ca_cert", "ca_key", "verify_upstream",
/// "scoped_verify_upstream": [{"pattern", "verify"}], "upstream_ca_certs",
/// "scoped_upstream_ca_certs": [{"pattern", "path"}], "client_certs": [{"pattern", "cert", "key"}],
/// "secrets": [...], "secret_violation_action"}.
/// A document that does not say "enabled" means it. Errors name the member.
json::Value to_document(const TlsSpec& tls);
Result<TlsSpec> read_tls(const json::Value& document);

} // namespace msb
