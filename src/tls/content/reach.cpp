#include "tls/content/reach.hpp"

#include "tls/patterns.hpp"

#include <algorithm>

namespace msb::tls {

namespace {

bool any_matches(const std::vector<std::string>& patterns, std::string_view host) {
    return std::ranges::any_of(
        patterns, [&](const std::string& pattern) { return matches_host(pattern, host); });
}

/// A host may have a secret if it has proved to be one of the secret's, and the guest did not come here
/// by an address that the resolver has not called so.
bool may_have(const Peers& peers, const Secret& secret) {
    if (!peers.tls)
        return false;
    for (const std::string& pattern : secret.hosts) {
        if (!matches_host(pattern, peers.name))
            continue;
        if (peers.verified || std::ranges::any_of(peers.names, [&](const std::string& name) {
                return matches_host(pattern, name);
            }))
            return true;
    }
    return false;
}

} // namespace

Reach::Reach(const Peers& peers, std::shared_ptr<const SecretSet> of) : secrets(std::move(of)) {
    std::vector<std::string_view> words;
    const auto& all = secrets->secrets();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Secret& secret = all[i];
        if (may_have(peers, secret)) {
            allowed.push_back(i);
        } else if (!any_matches(secret.passthrough, peers.name)) {
            words.push_back(secret.placeholder);
            watched.push_back(i);
        }
    }
    // The same placeholder for several secrets: the one that may go there decides.
    for (std::size_t word = words.size(); word-- > 0;)
        if (std::ranges::any_of(allowed,
                                [&](std::size_t i) { return all[i].placeholder == words[word]; })) {
            words.erase(words.begin() + static_cast<std::ptrdiff_t>(word));
            watched.erase(watched.begin() + static_cast<std::ptrdiff_t>(word));
        }
    // Placeholders that may go there are words, too, so that another one is not found within them.
    for (const std::size_t i : allowed)
        words.push_back(all[i].placeholder);
    foreign = std::make_shared<Words>(words);
    echoes = secrets->echoes_of(allowed);
}

} // namespace msb::tls
