// Requests to one repository: where the registry is, anonymous tokens, documents by digest.
#pragma once

#include "image/document.hpp"
#include "image/http.hpp"
#include "image/registry.hpp"

namespace msb::image {

/// A "WWW-Authenticate: Bearer" challenge (distribution-spec, token authentication).
struct Challenge {
    std::string realm; ///< URL of the token service.
    std::string service;
    std::string scope;
};
/// Nothing if it is not a Bearer challenge with a realm.
std::optional<Challenge> parse_challenge(std::string_view header);

/// Whether a reference's domain is this host: such a registry may speak plain HTTP without being
/// asked, as Docker does it.
bool is_loopback(std::string_view domain);

struct FetchedDocument {
    std::string text;
    Digest digest; ///< Of `text`.
};

class RegistryClient {
  public:
    explicit RegistryClient(const PullRequest& request) : request_(request) {}

    /// The manifest or index that the reference names. Finds out how to talk to the registry.
    Result<FetchedDocument> resolve();
    /// A manifest by digest, verified.
    Result<FetchedDocument> manifest(const Descriptor& descriptor);
    /// A small blob, verified.
    Result<FetchedDocument> blob(const Descriptor& descriptor);

    /// What to send for a layer.
    HttpRequest blob_request(const Digest& digest) const;
    /// Answers a 401: gets a token, or says why there is none.
    Status authorize(const std::vector<std::string>& challenges);

    /// The error for an HTTP status other than success. `what` is "image 'x'" or "layer
    /// sha256:...".
    Error status_error(long status, const std::string& what) const;

  private:
    Result<FetchedDocument> fetch(const std::string& path, const std::vector<std::string>& headers,
                                  const std::string& what);
    Result<FetchedDocument> fetch_once(const std::string& path,
                                       const std::vector<std::string>& headers,
                                       const std::string& what, bool& try_again);
    std::string url(const std::string& path) const;

    PullRequest request_;
    std::string scheme_;
    std::string token_;
    unsigned authorizations_ = 0;
};

} // namespace msb::image
