#include "spec/tls_spec.hpp"

#include "base/address.hpp"
#include "base/closest.hpp"
#include "json/text.hpp"
#include "spec/paths.hpp"
#include "spec/spec.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace msb {

namespace {

constexpr std::size_t longest_name = 253, longest_label = 63;
constexpr std::size_t most_ports = 64, most_patterns = 256, most_files = 64;

bool is_label(std::string_view label) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    return !label.empty() && label.size() <= longest_label &&
           label.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_name(std::string_view name) {
    if (name.size() > longest_name)
        return false;
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find('.', begin), name.size());
        if (!is_label(name.substr(begin, end - begin)))
            return false;
        begin = end + 1;
    }
    return true;
}

std::string where(std::string_view member) {
    return "'tls." + std::string(member) + "'";
}

Result<bool> flag_of(const json::Value& value, std::string_view member) {
    if (const auto flag = value.boolean())
        return *flag;
    return invalid(where(member) + " is neither true nor false");
}

Result<std::string> text_of(const json::Value& value, std::string_view member) {
    if (const std::string* const text = value.text())
        return *text;
    return invalid(where(member) + " is not text");
}

/// One text, or a list of them.
Result<std::vector<std::string>> texts_of(const json::Value& value, std::string_view member) {
    std::vector<std::string> texts;
    if (!value.is_array())
        texts.push_back(MSB_TRY(text_of(value, member)));
    for (const json::Value& element : value.elements())
        texts.push_back(MSB_TRY(text_of(element, member)));
    return texts;
}

Result<std::string> path_of(const json::Value& value, std::string_view member) {
    return absolute_path(MSB_TRY(text_of(value, member)));
}

Result<std::vector<std::string>> patterns_of(const json::Value& value, std::string_view member) {
    std::vector<std::string> patterns = MSB_TRY(texts_of(value, member));
    for (std::string& pattern : patterns)
        pattern = MSB_TRY(parse_host_pattern(pattern));
    return patterns;
}

/// The member of an object in a list.
Result<std::string> part_of(const json::Value& item, std::string_view list, std::string_view key) {
    const json::Value* const value = item.is_object() ? item.find(key) : nullptr;
    if (value == nullptr || value->text() == nullptr)
        return invalid(where(list) + ": an element has no '" + std::string(key) + "'");
    return *value->text();
}

class Document {
  public:
    Status take(const std::string& key, const json::Value& value) {
        const auto* const entry = std::ranges::find(members, key, &Entry::key);
        if (entry != members.end())
            return value.is_null() ? Status() : (this->*entry->read)(value, key);
        std::vector<std::string> known;
        known.reserve(members.size());
        for (const Entry& one : members)
            known.emplace_back(one.key);
        Error error(ErrorKind::invalid_argument, where(key) + " is unknown");
        if (const auto meant = closest(key, known))
            return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
        return fail(std::move(error));
    }

    TlsSpec tls{.intercept = true};

  private:
    using Value = json::Value;
    using Key = std::string_view;

    Status enabled(const Value& value, Key key) {
        tls.intercept = MSB_TRY(flag_of(value, key));
        return {};
    }
    Status ports(const Value& value, Key key) {
        if (!value.is_array())
            return invalid(where(key) + " is not a list");
        for (const Value& element : value.elements()) {
            const auto number = element.unsigned_integer();
            const auto port = parse_port(element.text() != nullptr ? *element.text()
                                         : number                  ? std::to_string(*number)
                                                                   : std::string());
            if (port.value_or(0) == 0)
                return invalid(where(key) + ": not a port: " + json::to_text(element));
            tls.ports.push_back(*port);
        }
        return {};
    }
    Status bypass(const Value& value, Key key) {
        tls.bypass = MSB_TRY(patterns_of(value, key));
        return {};
    }
    Status block_quic(const Value& value, Key key) {
        tls.block_quic = MSB_TRY(flag_of(value, key));
        return {};
    }
    Status ca_certificate(const Value& value, Key key) {
        tls.ca_certificate = MSB_TRY(path_of(value, key));
        return {};
    }
    Status ca_key(const Value& value, Key key) {
        tls.ca_key = MSB_TRY(path_of(value, key));
        return {};
    }
    Status verify(const Value& value, Key key) {
        tls.verify_upstream = MSB_TRY(flag_of(value, key));
        return {};
    }
    Status scoped_verify(const Value& value, Key key) {
        for (const Value& item : value.elements()) {
            const std::string pattern =
                MSB_TRY(parse_host_pattern(MSB_TRY(part_of(item, key, "pattern"))));
            const Value* const flag = item.find("verify");
            if (flag == nullptr || !flag->boolean())
                return invalid(where(key) + ": an element has no 'verify'");
            if (!*flag->boolean())
                tls.no_verify.push_back(pattern);
        }
        return {};
    }
    Status upstream_cas(const Value& value, Key key) {
        for (const std::string& path : MSB_TRY(texts_of(value, key)))
            tls.upstream_cas.push_back(MSB_TRY(absolute_path(path)));
        return {};
    }
    Status scoped_cas(const Value& value, Key key) {
        for (const Value& item : value.elements())
            tls.scoped_upstream_cas.push_back(
                {MSB_TRY(parse_host_pattern(MSB_TRY(part_of(item, key, "pattern")))),
                 MSB_TRY(absolute_path(MSB_TRY(part_of(item, key, "path"))))});
        return {};
    }
    Status client_certificates(const Value& value, Key key) {
        for (const Value& item : value.elements())
            tls.client_certificates.push_back(
                {MSB_TRY(parse_host_pattern(MSB_TRY(part_of(item, key, "pattern")))),
                 MSB_TRY(absolute_path(MSB_TRY(part_of(item, key, "cert")))),
                 MSB_TRY(absolute_path(MSB_TRY(part_of(item, key, "key"))))});
        return {};
    }

    Status secrets(const Value& value, Key) {
        if (!value.is_null())
            tls.secrets.list = MSB_TRY(read_secrets(value));
        return {};
    }
    Status violation_action(const Value& value, Key key) {
        if (!value.is_null())
            tls.secrets.action = MSB_TRY(parse_secret_action(MSB_TRY(text_of(value, key))));
        return {};
    }

    struct Entry {
        std::string_view key;
        Status (Document::*read)(const Value&, Key);
    };
    static const std::array<Entry, 17> members;
};

const std::array<Document::Entry, 17> Document::members = {{
    {"enabled", &Document::enabled},
    {"intercepted_ports", &Document::ports},
    {"bypass", &Document::bypass},
    {"block_quic", &Document::block_quic},
    {"ca_cert", &Document::ca_certificate},
    {"ca_key", &Document::ca_key},
    {"verify_upstream", &Document::verify},
    {"scoped_verify_upstream", &Document::scoped_verify},
    {"upstream_ca_certs", &Document::upstream_cas},
    {"scoped_upstream_ca_certs", &Document::scoped_cas},
    {"client_certs", &Document::client_certificates},
    {"secrets", &Document::secrets},
    {"secret_violation_action", &Document::violation_action},
    // What other versions and their libraries have.
    {"block_quic_on_intercept", &Document::block_quic},
    {"intercept_ca_cert", &Document::ca_certificate},
    {"intercept_ca_key", &Document::ca_key},
    {"upstream_ca_cert", &Document::upstream_cas},
}};

template <typename T> void take_list(std::vector<T>& base, std::vector<T>& given) {
    if (!given.empty())
        base = std::move(given);
}

} // namespace

std::vector<std::uint16_t> TlsSpec::intercepted_ports() const {
    constexpr std::uint16_t https = 443;
    return ports.empty() ? std::vector{https} : ports;
}

Result<std::string> parse_host_pattern(std::string_view text) {
    std::string pattern(text);
    std::ranges::transform(pattern, pattern.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
    });
    if (pattern.ends_with('.') && pattern != "*.")
        pattern.pop_back();
    const std::string_view name =
        pattern.starts_with("*.") ? std::string_view(pattern).substr(2) : std::string_view(pattern);
    if (pattern == "*" || IpAddress::parse(pattern) || is_name(name))
        return pattern;
    return invalid("invalid host pattern '" + std::string(text) +
                   "' (expected NAME, *.NAME, an address or *)");
}

Result<ScopedFile> parse_scoped_file(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals + 1 == text.size())
        return invalid("'" + std::string(text) + "' is not PATTERN=PATH");
    return ScopedFile{MSB_TRY(parse_host_pattern(text.substr(0, equals))),
                      MSB_TRY(absolute_path(text.substr(equals + 1)))};
}

Result<ClientCertificate> parse_client_certificate(std::string_view text) {
    const ScopedFile file = MSB_TRY(parse_scoped_file(text));
    const std::string_view paths = text.substr(text.find('=') + 1);
    const auto comma = paths.find(',');
    if (comma == std::string_view::npos)
        return ClientCertificate{file.pattern, file.path, file.path};
    return ClientCertificate{file.pattern, MSB_TRY(absolute_path(paths.substr(0, comma))),
                             MSB_TRY(absolute_path(paths.substr(comma + 1)))};
}

Status validate_tls(const TlsSpec& tls) {
    if (tls.ca_certificate.empty() != tls.ca_key.empty())
        return invalid("an interception CA needs both its certificate and its key");
    if (tls.ports.size() > most_ports)
        return invalid("invalid config: more than 64 intercepted ports");
    for (const std::size_t count :
         {tls.bypass.size(), tls.no_verify.size(), tls.scoped_upstream_cas.size()})
        if (count > most_patterns)
            return invalid("invalid config: more than 256 host patterns");
    if (tls.upstream_cas.size() > most_files || tls.client_certificates.size() > most_files)
        return invalid("invalid config: more than 64 certificate files");
    if (!tls.secrets.empty() && !tls.intercept)
        return invalid("secrets need TLS interception");
    return validate_secrets(tls.secrets);
}

TlsSpec combine(TlsSpec base, TlsSpec given) {
    base.intercept = base.intercept || given.intercept;
    take_list(base.ports, given.ports);
    base.bypass.insert(base.bypass.end(), given.bypass.begin(), given.bypass.end());
    base.block_quic = base.block_quic && given.block_quic;
    if (!given.ca_certificate.empty()) {
        base.ca_certificate = std::move(given.ca_certificate);
        base.ca_key = std::move(given.ca_key);
    }
    base.verify_upstream = base.verify_upstream && given.verify_upstream;
    base.no_verify.insert(base.no_verify.end(), given.no_verify.begin(), given.no_verify.end());
    take_list(base.upstream_cas, given.upstream_cas);
    take_list(base.scoped_upstream_cas, given.scoped_upstream_cas);
    take_list(base.client_certificates, given.client_certificates);
    base.trust_host_cas = base.trust_host_cas || given.trust_host_cas;
    base.secrets = combine(std::move(base.secrets), std::move(given.secrets));
    return base;
}

json::Value to_document(const TlsSpec& tls) {
    json::Value scoped_verify = json::array(), scoped_cas = json::array(), clients = json::array();
    for (const std::string& pattern : tls.no_verify)
        scoped_verify.push_back({{"pattern", pattern}, {"verify", false}});
    for (const auto& [pattern, path] : tls.scoped_upstream_cas)
        scoped_cas.push_back({{"pattern", pattern}, {"path", path}});
    for (const auto& [pattern, certificate, key] : tls.client_certificates)
        clients.push_back({{"pattern", pattern}, {"cert", certificate}, {"key", key}});
    return {{"enabled", tls.intercept},
            {"intercepted_ports", json::array(tls.ports)},
            {"bypass", tls.bypass},
            {"block_quic", tls.block_quic},
            {"ca_cert", json::or_null(tls.ca_certificate)},
            {"ca_key", json::or_null(tls.ca_key)},
            {"verify_upstream", tls.verify_upstream},
            {"scoped_verify_upstream", scoped_verify},
            {"upstream_ca_certs", tls.upstream_cas},
            {"scoped_upstream_ca_certs", scoped_cas},
            {"client_certs", clients},
            {"secrets", to_document(tls.secrets.list)},
            {"secret_violation_action", json::or_null(tls.secrets.action)}};
}

Result<TlsSpec> read_tls(const json::Value& document) {
    if (const auto enabled = document.boolean())
        return TlsSpec{.intercept = *enabled};
    if (!document.is_object())
        return invalid("'tls' is not an object");
    Document reader;
    for (const auto& [key, value] : document.members())
        MSB_TRY(reader.take(key, value));
    MSB_TRY(validate_tls(reader.tls));
    return std::move(reader.tls);
}

} // namespace msb
