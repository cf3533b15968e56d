#include "tls/upstream.hpp"

#include "base/address.hpp"
#include "base/log.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <openssl/x509v3.h>

namespace msb::tls {

namespace {

constexpr std::size_t most_roots = std::size_t{4} << 20;

/// The element whose pattern matches the host most closely; nothing: none does.
template <typename T> T* closest_of(std::vector<T>& list, std::string_view host) {
    T* best = nullptr;
    for (T& one : list)
        if (matches_host(one.pattern, host) &&
            (best == nullptr || closeness(one.pattern) > closeness(best->pattern)))
            best = &one;
    return best;
}

} // namespace

Result<Upstreams> Upstreams::create(const TlsdConfig& config, OwnedFd roots) {
    Upstreams upstreams;
    upstreams.verify_ = config.verify_upstream;
    upstreams.no_verify_ = config.no_verify;
    upstreams.roots_file_ = std::move(roots);
    for (const auto& [pattern, certificates, origin] : config.authorities) {
        auto list = MSB_TRY_WRAP(read_certificates(certificates), origin);
        auto scope = std::ranges::find(upstreams.scopes_, pattern, &Scope::pattern);
        if (pattern != "*" && scope == upstreams.scopes_.end())
            scope = upstreams.scopes_.insert(scope, Scope{.pattern = pattern});
        auto& into = pattern == "*" ? upstreams.extra_ : scope->certificates;
        std::ranges::move(list, std::back_inserter(into));
    }
    for (const auto& [pattern, certificate, key, origin] : config.clients) {
        Client client{pattern, MSB_TRY_WRAP(read_certificates(certificate), origin),
                      MSB_TRY_WRAP(read_key(key), origin)};
        if (X509_check_private_key(client.chain.front().get(), client.key.get()) != 1)
            return fail(openssl_error(origin + " and its key do not belong together"));
        upstreams.clients_.push_back(std::move(client));
    }
    return upstreams;
}

/// Without them what else is trusted still is.
Status Upstreams::load_roots() {
    if (roots_)
        return {};
    roots_.emplace();
    if (!roots_file_)
        return {};
    const auto size = static_cast<std::size_t>(MSB_TRY(sys::fstat(roots_file_.get())).st_size);
    if (size > most_roots)
        return fail(ErrorKind::limit_exceeded, "this machine's certificates: larger than 4 MiB");
    std::string text(size, '\0');
    MSB_TRY(sys::pread_all(roots_file_.get(),
                           {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0));
    roots_ = MSB_TRY_WRAP(read_certificates(text), "the file of this machine's authorities");
    roots_file_.reset();
    return {};
}

Result<ContextPtr> Upstreams::make_context(const std::vector<CertificatePtr>& own) {
    if (const Status loaded = load_roots(); !loaded)
        log::error("{}", loaded.error().to_string());
    ContextPtr context(SSL_CTX_new(TLS_client_method()));
    StorePtr store(X509_STORE_new());
    if (!context || !store)
        return fail(openssl_error("preparing for TLS"));
    for (const auto* const list : {&std::as_const(*roots_), &std::as_const(extra_), &own})
        for (const CertificatePtr& one : *list)
            X509_STORE_add_cert(store.get(), one.get());
    // An authority that is given need not be a root.
    X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_cert_store(context.get(), store.release());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), on_session_);
    return context;
}

Result<SSL_CTX*> Upstreams::context_for(const std::string& host) {
    Scope* const scope = closest_of(scopes_, host);
    ContextPtr& context = scope == nullptr ? usual_ : scope->context;
    if (!context)
        context = MSB_TRY(make_context(scope == nullptr ? std::vector<CertificatePtr>()
                                                        : std::move(scope->certificates)));
    return context.get();
}

bool Upstreams::is_verified(const std::string& host) const {
    return verify_ && std::ranges::none_of(no_verify_, [&](const std::string& pattern) {
               return matches_host(pattern, host);
           });
}

Result<SslPtr> Upstreams::connect(const std::string& host, const std::string& place) {
    SslPtr ssl(SSL_new(MSB_TRY(context_for(host))));
    if (!ssl)
        return fail(openssl_error("preparing for TLS"));
    const bool is_address = IpAddress::parse(host).has_value();
    if (!is_address)
        SSL_set_tlsext_host_name(ssl.get(), host.c_str());
    if (is_verified(host)) {
        SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
        SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        const int set = is_address
                            ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str())
                            : SSL_set1_host(ssl.get(), host.c_str());
        if (set != 1)
            return fail(openssl_error("the name '" + host + "'"));
    }
    if (const Client* const client = closest_of(clients_, host)) {
        SSL_use_certificate(ssl.get(), client->chain.front().get());
        SSL_use_PrivateKey(ssl.get(), client->key.get());
        for (std::size_t i = 1; i < client->chain.size(); ++i)
            SSL_add1_chain_cert(ssl.get(), client->chain[i].get());
    }
    const auto session = std::ranges::find(sessions_, place, [](auto& one) { return one.first; });
    if (session != sessions_.end())
        SSL_set_session(ssl.get(), session->second.get());
    return ssl;
}

void Upstreams::remember(const std::string& place, SessionPtr session) {
    sessions_.remove_if([&](const auto& one) { return one.first == place; });
    sessions_.emplace_front(place, std::move(session));
    if (sessions_.size() > most_sessions)
        sessions_.pop_back();
}

} // namespace msb::tls
