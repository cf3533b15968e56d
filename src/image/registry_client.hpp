// Requests to one repository: finding the registry, anonymous tokens, documents. Runs in the jail
// of fetch_server.hpp; the caller outside verifies what it returns.
#pragma once

#include "image/http.hpp"
#include "image/registry.hpp"

#include <optional>

namespace msb::image {

/// A "WWW-Authenticate: Bearer" challenge (distribution-spec, token authentication).
struct Challenge {
    std::string realm; ///< URL of the token service.
    std::string service;
    std::string scope;
};
/// The first Bearer challenge with a realm in a header, which may hold several challenges.
std::optional<Challenge> parse_challenge(std::string_view header);

/// Whether a reference's domain is this host: such a registry may use plain HTTP without an option,
/// as with Docker.
bool is_loopback(std::string_view domain);

class RegistryClient {
  public:
    explicit RegistryClient(const PullRequest& request) : request_(request) {}

    /// A manifest or index by tag or digest; the first one finds out how to talk to the registry.
    Result<std::string> manifest(const std::string& name);
    /// A small blob.
    Result<std::string> blob(const std::string& digest);

    /// What to send for a layer.
    HttpRequest blob_request(const Digest& digest) const;
    /// Answers a 401: gets a token, or says why there is none.
    Status authorize(const std::vector<std::string>& challenges);

    /// The error for an HTTP status other than success. `what` is "image 'x'" or "layer
    /// sha256:...".
    Error status_error(long status, const std::string& what) const;

  private:
    struct Retry {
        bool worth_it = false;
        std::chrono::seconds after{0};
    };
    Result<std::string> fetch(const std::string& path, const std::vector<std::string>& headers,
                              const std::string& what);
    Result<std::string> fetch_once(const std::string& path, const std::vector<std::string>& headers,
                                   const std::string& what, Retry& retry);
    std::string url(const std::string& path) const;

    PullRequest request_;
    std::string scheme_; ///< Empty until the first request.
    std::string token_;
    unsigned authorizations_ = 0;
    unsigned refused_ = 0;
};

} // namespace msb::image
