#include "sandbox/launch/tlsd.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "sandbox/secrets.hpp"
#include "tls/config.hpp"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <sys/socket.h>

namespace msb {

namespace {

constexpr std::size_t most_pem = std::size_t{1} << 20, most_roots = std::size_t{2} << 20;
constexpr std::string_view any_host = "*";

Result<std::string> read_pem(const std::string& path) {
    return MSB_TRY_WRAP(read_file(path, most_pem), "TLS interception: cannot read '" + path + "'");
}

/// The user's own authority, for this sandbox or for all; else tlsd makes one.
Status find_authority(const TlsSpec& spec, const std::string& home, tls::TlsdConfig& config) {
    std::string certificate = spec.ca_certificate, key = spec.ca_key;
    if (certificate.empty()) {
        certificate = home + "/tls/ca.crt";
        key = home + "/tls/ca.key";
        if (!exists(certificate) && !exists(key))
            return {};
    }
    config.ca_certificate = MSB_TRY(read_pem(certificate));
    config.ca_key = MSB_TRY(read_pem(key));
    return {};
}

Result<tls::TlsdConfig> make_config(const NetworkSpec& network, const HelperStart& start) {
    const TlsSpec& spec = network.tls;
    tls::TlsdConfig config;
    MSB_TRY(find_authority(spec, start.home, config));
    config.verify_upstream = spec.verify_upstream;
    config.no_verify = spec.no_verify;
    for (const std::string& path : spec.upstream_cas)
        config.authorities.push_back({std::string(any_host), MSB_TRY(read_pem(path)), path});
    for (const auto& [pattern, path] : spec.scoped_upstream_cas)
        config.authorities.push_back({pattern, MSB_TRY(read_pem(path)), path});
    for (const auto& [pattern, certificate, key] : spec.client_certificates)
        config.clients.push_back(
            {pattern, MSB_TRY(read_pem(certificate)), MSB_TRY(read_pem(key)), certificate});
    for (const SecretSpec& secret : spec.secrets.list)
        config.secrets.push_back(secret_for_tlsd(secret, MSB_TRY(read_secret_value(secret))));
    config.violation_action = spec.secrets.action;
    config.max_connections = network.connections();
    config.log_level = start.log_level;
    return config;
}

} // namespace

std::string host_authorities_file() {
    if (const char* const path = std::getenv("SSL_CERT_FILE"); path != nullptr && *path != '\0')
        return path;
    for (const char* const path :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
        if (exists(path))
            return path;
    return {};
}

Result<std::string> read_host_authorities() {
    const std::string path = host_authorities_file();
    if (path.empty())
        return std::string();
    return MSB_TRY_WRAP(read_file(path, most_roots), "certificates that this machine trusts");
}

Result<JailedStart> prepare_tlsd(const HelperStart& start, const NetworkSpec& spec,
                                 NetdStart& netd) {
    tls::TlsdConfig config = MSB_TRY(make_config(spec, start));
    JailedStart tlsd;
    const std::string roots = host_authorities_file();
    if (!roots.empty()) {
        tlsd.give(tls::tlsd_fd_roots, MSB_TRY(sys::open(roots, O_RDONLY)));
        config.roots = true;
    }
    std::string text = config.to_json();
    tlsd.give(tls::tlsd_fd_config, MSB_TRY(sys::memfd("tlsd-config", as_bytes(text))));
    const auto wipe = [](std::string& one) { ::explicit_bzero(one.data(), one.size()); };
    wipe(text); // and nowhere else
    wipe(config.ca_key);
    if (!config.secrets.empty()) {
        OwnedFd values = MSB_TRY(sys::memfd("secrets", {}));
        for (tls::TlsdConfig::Secret& secret : config.secrets) {
            MSB_TRY(sys::write_all(values.get(), as_bytes(secret.value)));
            wipe(secret.value);
        }
        tlsd.give(tls::tlsd_fd_secrets, std::move(values));
    }
    auto lifeline = MSB_TRY(sys::socket_pair(SOCK_SEQPACKET));
    auto handovers = MSB_TRY(sys::socket_pair(SOCK_SEQPACKET));
    tlsd.give(tls::tlsd_fd_control,
              MSB_TRY(sys::unix_listen(Home(start.home).secrets_door(start.sandbox), 4)));
    tlsd.give(tls::tlsd_fd_lifeline, std::move(lifeline[0]));
    tlsd.give(tls::tlsd_fd_netd, std::move(handovers[0]));
    netd.give(net::netd_fd_tls, std::move(handovers[1]));
    tlsd.lifeline = std::move(lifeline[1]);

    jail::Request& request = tlsd.request;
    request.role = jail::Role::tls;
    request.argv = {"/tlsd"};
    request.binds = {{start.installation.program("tlsd"), "/tlsd", false, true}};
    request.control_group = start.control_group;
    request.new_session = true;
    request.die_with_parent = false; // the lifeline sees to it
    return tlsd;
}

} // namespace msb
