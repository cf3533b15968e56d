// tlsd's configuration, one JSON document on a descriptor. tlsd and whoever starts it are of one
// version; the document has no compatibility promise.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msb::tls {

/// Texts in PEM form, which the starter has read: tlsd can open no file.
struct TlsdConfig {
    struct Authorities {
        std::string pattern; ///< of hosts
        std::string certificates;
        std::string origin; ///< the file's name, for errors
    };
    struct Client {
        std::string pattern;
        std::string certificate, key;
        std::string origin;
    };
    std::string ca_certificate, ca_key; ///< empty: one is made
    bool roots = false;                 ///< tlsd_fd_roots has whom this machine trusts
    bool verify_upstream = true;
    std::vector<std::string> no_verify;   ///< patterns
    std::vector<Authorities> authorities; ///< pattern "*": for all hosts
    std::vector<Client> clients;
    struct Secret {
        std::string env, placeholder;
        std::string value; ///< not in the document, which has its size: it is in tlsd_fd_secrets
        std::vector<std::string> hosts, passthrough, header_fields, methods, paths;
        bool headers = true, query = false, body = false;
        std::uint64_t per_minute = 0, total = 0;
        std::string action; ///< empty: that of all
    };
    std::vector<Secret> secrets;
    std::string violation_action; ///< a word
    std::size_t max_connections = 256;
    std::string log_level;

    std::string to_json() const;
    static Result<TlsdConfig> from_json(std::string_view text);
};

/// Secrets in the place of others, while tlsd runs (tls/control.hpp).
struct SecretsChange {
    std::vector<TlsdConfig::Secret> secrets; ///< of one that keeps its value the value is empty
    std::string violation_action;

    std::string to_json() const;
    static Result<SecretsChange> from_json(std::string_view text);
};

/// Descriptors tlsd starts with.
enum TlsdFd : int {
    tlsd_fd_config = 3,
    tlsd_fd_lifeline = 4, ///< packets to the runtime (net/report.hpp); its end ends tlsd
    tlsd_fd_netd = 5,     ///< handovers
    tlsd_fd_roots = 6,    ///< a file of certificates, if there is one
    tlsd_fd_secrets = 7,  ///< the values of secrets, one behind the other, if there are any
    tlsd_fd_control = 8,  ///< the door's listening socket
};

} // namespace msb::tls
