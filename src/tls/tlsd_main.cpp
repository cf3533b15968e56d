// The program `tlsd`: opens a guest's TLS connections on their way, one process for each sandbox that
// is to be intercepted. Started by a command in the jail of role `tls`, with the descriptors of
// TlsdFd: no network and no file. The sockets of connections come from netd, which has a network but
// no key. It lives as long as the sandbox's runtime holds the other end of the lifeline.
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/system.hpp"
#include "base/watchdog.hpp"
#include "jail/jail.hpp"
#include "net/report.hpp"
#include "tls/config.hpp"
#include "tls/control.hpp"
#include "tls/service.hpp"

#include <csignal>
#include <openssl/crypto.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace {

using namespace msb;
using namespace msb::tls;

Result<TlsdConfig> read_config() {
    const OwnedFd fd(tlsd_fd_config);
    const auto size = static_cast<std::size_t>(MSB_TRY(sys::fstat(fd.get())).st_size);
    std::string text(size, '\0');
    MSB_TRY(
        sys::pread_all(fd.get(), {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0));
    auto config = TlsdConfig::from_json(text);
    OPENSSL_cleanse(text.data(), text.size());
    return config;
}

void tell_runtime(char kind, const std::string& text) {
    const std::string packet = kind + text;
    (void)::send(tlsd_fd_lifeline, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

Result<Authority> make_authority(TlsdConfig& config) {
    if (config.ca_key.empty())
        return Authority::make();
    auto authority = Authority::load(config.ca_certificate, config.ca_key);
    OPENSSL_cleanse(config.ca_key.data(), config.ca_key.size());
    return authority;
}

/// Values come one behind the other, and are gone from there afterwards.
Status read_values(TlsdConfig& config) {
    if (config.secrets.empty())
        return {};
    const OwnedFd fd(tlsd_fd_secrets);
    std::uint64_t at = 0;
    for (TlsdConfig::Secret& secret : config.secrets) {
        const std::string zeros(secret.value.size(), '\0');
        MSB_TRY(sys::pread_all(
            fd.get(), {reinterpret_cast<std::uint8_t*>(secret.value.data()), secret.value.size()},
            at));
        MSB_TRY(sys::pwrite_all(fd.get(), as_bytes(zeros), at));
        at += secret.value.size();
    }
    return {};
}

/// `before`: has the values of those that come without one.
Result<std::shared_ptr<const SecretSet>> take_secrets(std::vector<TlsdConfig::Secret> list,
                                                      const std::string& action,
                                                      const SecretSet* before) {
    std::vector<Secret> secrets;
    secrets.reserve(list.size()); // nothing is left where it was moved from
    for (TlsdConfig::Secret& given : list) {
        if (given.value.empty() && before != nullptr)
            for (const Secret& one : before->secrets())
                if (one.env == given.env)
                    given.value = one.value;
        if (given.value.empty())
            return fail(ErrorKind::not_found, "the secret " + given.env + " has no value");
        secrets.push_back({.env = given.env,
                           .placeholder = given.placeholder,
                           .value = std::move(given.value),
                           .hosts = given.hosts,
                           .passthrough = given.passthrough,
                           .headers = given.headers,
                           .header_fields = given.header_fields,
                           .query = given.query,
                           .body = given.body,
                           .methods = given.methods,
                           .paths = given.paths,
                           .per_minute = given.per_minute,
                           .total = given.total,
                           .action = parse_action(given.action)});
        // Short ones are in the object itself.
        OPENSSL_cleanse(given.value.data(), given.value.capacity());
    }
    return std::make_shared<SecretSet>(
        std::move(secrets), parse_action(action).value_or(Action::block_and_log), before);
}

Status run() {
    std::signal(SIGPIPE, SIG_IGN);
    // Lines are dropped if the runtime does not read them.
    MSB_TRY(sys::set_nonblocking(tlsd_fd_lifeline));
    // There is no configuration of OpenSSL here, and later there are no files at all.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
                         OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                     nullptr);
    TlsdConfig config = MSB_TRY(read_config());
    MSB_TRY(read_values(config));
    log::configure(log::parse_level(config.log_level).value_or(log::Level::warn), tlsd_fd_lifeline,
                   "tlsd");
    const auto loop = MSB_TRY(EventLoop::create());
    auto authority = MSB_TRY(make_authority(config));
    const std::string certificate = authority.certificate();
    auto upstreams = MSB_TRY(Upstreams::create(config, OwnedFd(config.roots ? tlsd_fd_roots : -1)));
    const auto service = MSB_TRY(Service::create(*loop, std::move(authority), std::move(upstreams),
                                                 config.max_connections, tell_runtime));
    service->set_secrets(
        MSB_TRY(take_secrets(std::move(config.secrets), config.violation_action, nullptr)));
    Control control(*loop, OwnedFd(tlsd_fd_control), [&](SecretsChange change) -> Status {
        service->set_secrets(MSB_TRY(
            take_secrets(std::move(change.secrets), change.violation_action, &service->secrets())));
        return {};
    });
    MSB_TRY(control.start());
    MSB_TRY(service->serve(OwnedFd(tlsd_fd_netd)));
    MSB_TRY(loop->watch(tlsd_fd_lifeline, 0, [&](std::uint32_t) { loop->stop(); }));
    MSB_TRY(start_watchdog(*loop));
    MSB_TRY(jail::lock_down(jail::Role::tls, {}));
    tell_runtime(tls_authority, certificate);
    return loop->run();
}

} // namespace

int main() {
    const Status done = run();
    if (done)
        return 0;
    tell_runtime(tls_failed, done.error().to_string());
    return 1;
}
