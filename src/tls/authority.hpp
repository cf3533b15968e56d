// The authority that a sandbox's guest trusts, and the certificates that it issues for the servers
// the guest asks for. All of them have one key: making one costs a signature.
#pragma once

#include "tls/openssl.hpp"

#include <ctime>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace msb::tls {

class Authority {
  public:
    static constexpr std::size_t most_leaves = 1000;

    /// One with a new key, which is nowhere else.
    static Result<Authority> make();
    /// `certificate`: its own first, then those that lead to what a guest trusts.
    static Result<Authority> load(std::string_view certificate, std::string_view key);

    /// What a guest has to trust.
    std::string certificate() const;
    /// For a name or an address, valid now. It stays as long as the caller holds a reference to it.
    Result<X509*> leaf(const std::string& host);
    EVP_PKEY* leaf_key() const { return leaf_key_.get(); }
    /// What goes with a leaf, so that it leads to an authority that the guest knows.
    const std::vector<CertificatePtr>& chain() const { return chain_; }
    std::size_t leaves() const { return leaves_.size(); }

  private:
    struct Leaf {
        std::string host;
        CertificatePtr certificate;
        std::time_t renew = 0;
    };
    Result<CertificatePtr> issue(const std::string& host) const;

    CertificatePtr certificate_;
    KeyPtr key_, leaf_key_;
    std::vector<CertificatePtr> chain_;
    std::list<Leaf> leaves_; ///< the one that was used last first
    std::unordered_map<std::string, std::list<Leaf>::iterator> by_host_;
};

} // namespace msb::tls
