#include "image/registry_client.hpp"

#include "base/address.hpp"
#include "image/document.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

constexpr unsigned max_attempts = 4;
constexpr auto first_pause = 250ms;
/// A token lasts minutes; a pull may need several. More than this is a loop.
constexpr unsigned max_authorizations = 64;
/// Of one document, in a row: there is no token at first, and one may have expired.
constexpr unsigned max_refusals = 2;
constexpr std::size_t max_token_answer = std::size_t{1} << 20;

const std::vector<std::string> accepted_manifests = {
    "Accept: application/vnd.oci.image.index.v1+json",
    "Accept: application/vnd.docker.distribution.manifest.list.v2+json",
    "Accept: application/vnd.oci.image.manifest.v1+json",
    "Accept: application/vnd.docker.distribution.manifest.v2+json"};

std::string url_encode(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_' || c == '.' || c == '~') {
            result += c;
        } else {
            result += '%';
            result += digits[byte >> 4];
            result += digits[byte & 15];
        }
    }
    return result;
}

std::string_view skip(std::string_view text, std::string_view what) {
    return text.substr(std::min(text.find_first_not_of(what), text.size()));
}

/// Takes what comes before any of `ends` from the front of `rest`.
std::string_view take_until(std::string_view& rest, std::string_view ends) {
    const std::string_view taken = rest.substr(0, rest.find_first_of(ends));
    rest.remove_prefix(taken.size());
    return taken;
}

/// Takes `"quoted \" text"` or `token` from the front of `rest`.
std::string take_value(std::string_view& rest) {
    if (!rest.starts_with('"'))
        return std::string(take_until(rest, ", \t"));
    std::string value;
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size())
            ++i;
        value += rest[i];
    }
    rest.remove_prefix(std::min(rest.size(), i + 1));
    return value;
}

bool same_word(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               return std::tolower(static_cast<unsigned char>(x)) ==
                      std::tolower(static_cast<unsigned char>(y));
           });
}

} // namespace

// RFC 9110 §11.6.1: commas separate challenges as well as the parameters of one. A word is a
// parameter if "=" follows, and else the scheme of the next challenge.
std::optional<Challenge> parse_challenge(std::string_view header) {
    Challenge challenge;
    bool bearer = false;
    for (std::string_view rest = header; !(rest = skip(rest, ", \t")).empty();) {
        const std::string_view word = take_until(rest, ", \t=");
        rest = skip(rest, " \t");
        if (!rest.starts_with('=')) {
            if (bearer && !challenge.realm.empty())
                break;
            bearer = same_word(word, "Bearer");
            challenge = {};
            continue;
        }
        rest = skip(rest.substr(1), " \t");
        std::string value = take_value(rest);
        if (same_word(word, "realm"))
            challenge.realm = std::move(value);
        else if (same_word(word, "service"))
            challenge.service = std::move(value);
        else if (same_word(word, "scope"))
            challenge.scope = std::move(value);
    }
    if (!bearer || challenge.realm.empty())
        return std::nullopt;
    return challenge;
}

bool is_loopback(std::string_view domain) {
    std::string host(domain);
    if (host.starts_with('[')) {
        host = host.substr(1, host.find(']') - 1);
    } else if (const auto colon = host.find(':'); colon != std::string::npos) {
        host.resize(colon);
    }
    if (host == "localhost" || host == "::1")
        return true;
    const auto address = IpAddress::parse(host);
    return address && !address->v6 && address->bytes[0] == 127;
}

std::string RegistryClient::url(const std::string& path) const {
    const std::string& domain = request_.reference.domain();
    return scheme_ + "://" + (domain == "docker.io" ? "registry-1.docker.io" : domain) + "/v2/" +
           request_.reference.path() + path;
}

Error RegistryClient::status_error(long status, const std::string& what) const {
    const std::string at =
        " (registry " + request_.reference.domain() + " answered " + std::to_string(status) + ")";
    switch (status) {
    case 401:
    case 403:
        return Error(ErrorKind::permission_denied, "no access to " + what + at)
            .with_hint("check the name; private repositories need a login");
    case 404: return Error(ErrorKind::not_found, what + " does not exist" + at);
    case 429: return Error(ErrorKind::busy, "too many requests" + at).with_hint("try again later");
    default: return Error(ErrorKind::protocol, "cannot get " + what + at);
    }
}

Status RegistryClient::authorize(const std::vector<std::string>& challenges) {
    std::optional<Challenge> challenge;
    for (const std::string& header : challenges)
        if (!challenge)
            challenge = parse_challenge(header);
    const std::string what = "image '" + request_.reference.to_string() + "'";
    if (!challenge || ++authorizations_ > max_authorizations)
        return fail(status_error(401, what));
    // A registry reached by HTTPS must not send us for a token without it.
    if (!challenge->realm.starts_with("https://") &&
        !(scheme_ == "http" && challenge->realm.starts_with("http://")))
        return fail(ErrorKind::protocol, "the registry's token service has no HTTPS address");
    if (challenge->scope.empty())
        challenge->scope = "repository:" + request_.reference.path() + ":pull";
    std::string address = challenge->realm;
    address += address.find('?') == std::string::npos ? '?' : '&';
    address += "service=" + url_encode(challenge->service);
    address += "&scope=" + url_encode(challenge->scope);
    std::string body;
    const auto transfer =
        MSB_TRY(HttpTransfer::create({.url = address}, [&](std::string_view data) {
            body += data;
            return body.size() <= max_token_answer ? data.size() : 0;
        }));
    MSB_TRY_WRAP(transfer->perform(), "cannot get a registry token");
    if (transfer->status() != 200)
        return fail(status_error(transfer->status(), what));
    const Json answer = MSB_TRY(parse_json_object(body, "the registry's token"));
    token_ = json_string(answer, "token");
    if (token_.empty())
        token_ = json_string(answer, "access_token");
    // The token becomes part of a header, so check its characters.
    if (!std::ranges::all_of(token_, [](char c) { return c > ' ' && c <= '~'; }))
        token_.clear();
    if (token_.empty())
        return fail(ErrorKind::protocol, "the registry's token service gave no token");
    return {};
}

Result<std::string> RegistryClient::fetch_once(const std::string& path,
                                               const std::vector<std::string>& headers,
                                               const std::string& what, Retry& retry) {
    std::string text;
    retry = {};
    const auto transfer = MSB_TRY(HttpTransfer::create(
        {.url = url(path), .headers = headers, .bearer = token_}, [&](std::string_view data) {
            text += data;
            return text.size() <= max_document_size ? data.size() : 0;
        }));
    const Status done = transfer->perform();
    if (text.size() > max_document_size)
        return fail(ErrorKind::limit_exceeded, what + " is larger than 16 MiB");
    if (!done) {
        retry.worth_it = is_transient(done.error());
        return fail(done.error());
    }
    const long status = transfer->status();
    if (status == 401 && refused_ < max_refusals) {
        ++refused_;
        if (Status token = authorize(transfer->challenges()); !token) {
            refused_ = 0;
            retry.worth_it = is_transient(token.error());
            return fail(std::move(token).error());
        }
        return fetch_once(path, headers, what, retry);
    }
    refused_ = 0;
    if (status != 200) {
        retry = {.worth_it = is_transient(status), .after = transfer->retry_after()};
        return fail(status_error(status, what));
    }
    return text;
}

Result<std::string> RegistryClient::fetch(const std::string& path,
                                          const std::vector<std::string>& headers,
                                          const std::string& what) {
    std::chrono::milliseconds pause = first_pause;
    for (unsigned attempt = 1;; ++attempt) {
        Retry retry;
        auto document = fetch_once(path, headers, what, retry);
        if (document || !retry.worth_it || attempt == max_attempts)
            return document;
        std::this_thread::sleep_for(std::max<std::chrono::milliseconds>(pause, retry.after));
        pause *= 2;
    }
}

Result<std::string> RegistryClient::manifest(const std::string& name) {
    const std::string path = "/manifests/" + name;
    const std::string what = "image '" + request_.reference.to_string() + "'";
    if (scheme_.empty() && !request_.insecure && is_loopback(request_.reference.domain())) {
        scheme_ = "https";
        Retry ignored;
        auto document = fetch_once(path, accepted_manifests, what, ignored);
        if (document || document.error().kind() != ErrorKind::unreachable)
            return document;
        scheme_ = "http";
    }
    if (scheme_.empty())
        scheme_ = request_.insecure ? "http" : "https";
    return fetch(path, accepted_manifests, what);
}

Result<std::string> RegistryClient::blob(const std::string& digest) {
    return fetch("/blobs/" + digest, {}, "image configuration " + digest);
}

HttpRequest RegistryClient::blob_request(const Digest& digest) const {
    return {.url = url("/blobs/" + digest.to_string()), .bearer = token_};
}

} // namespace msb::image
