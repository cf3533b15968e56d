// Whom tlsd believes to be the server that a guest asks for, and what it shows that server.
#pragma once

#include "base/fd.hpp"
#include "tls/config.hpp"
#include "tls/openssl.hpp"
#include "tls/patterns.hpp"

#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace msb::tls {

class Upstreams {
  public:
    static constexpr std::size_t most_sessions = 256;

    /// Reads what the configuration has, and fails if something of it is wrong. The machine's roots
    /// are read when they are needed: they are many.
    static Result<Upstreams> create(const TlsdConfig& config, OwnedFd roots);

    /// The client's side of a connection to `host`, a name or an address, which has to prove that it is
    /// that. `place`: host and port; an earlier session there is resumed.
    Result<SslPtr> connect(const std::string& host, const std::string& place);
    /// Whether who answers for it has to prove that.
    bool is_verified(const std::string& host) const;
    /// Of a connection that connect() made.
    void remember(const std::string& place, SessionPtr session);
    /// Calls back with each session that a connection of connect() gets.
    void set_session_callback(int (*callback)(SSL*, SSL_SESSION*)) { on_session_ = callback; }

  private:
    struct Scope {
        std::string pattern;
        std::vector<CertificatePtr> certificates;
        ContextPtr context; ///< with these and those for all hosts, when it was needed
    };
    struct Client {
        std::string pattern;
        std::vector<CertificatePtr> chain;
        KeyPtr key;
    };
    Result<ContextPtr> make_context(const std::vector<CertificatePtr>& own);
    Result<SSL_CTX*> context_for(const std::string& host);
    Status load_roots();

    bool verify_ = true;
    std::vector<std::string> no_verify_;
    OwnedFd roots_file_;
    std::optional<std::vector<CertificatePtr>> roots_; ///< when they were read
    std::vector<CertificatePtr> extra_;                ///< for all hosts
    std::vector<Scope> scopes_;
    std::vector<Client> clients_;
    ContextPtr usual_;
    int (*on_session_)(SSL*, SSL_SESSION*) = nullptr;
    std::list<std::pair<std::string, SessionPtr>> sessions_; ///< the newest first
};

} // namespace msb::tls
