#include "spec/secret_spec.hpp"

#include "base/closest.hpp"
#include "json/reader.hpp"
#include "spec/paths.hpp"
#include "spec/tls_spec.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace msb {

namespace {

constexpr std::size_t most_hosts = 256, most_words = 64;
constexpr std::array<std::string_view, 3> actions = {"block", "block-and-log",
                                                     "block-and-terminate"};
constexpr const char* expected_options =
    "no-headers, headers=FIELD, query, body, passthrough=HOST, env=NAME, file=PATH, exec=COMMAND, "
    "placeholder=TEXT, methods=METHOD, path=/PREFIX, per-minute=N, total=N, action=WORD";

/// At commas outside of brackets.
std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> parts;
    std::size_t begin = 0, depth = 0;
    for (std::size_t at = 0; at <= text.size(); ++at) {
        if (at == text.size() || (text[at] == ',' && depth == 0)) {
            parts.push_back(text.substr(begin, at - begin));
            begin = at + 1;
        } else if (text[at] == '[') {
            ++depth;
        } else if (text[at] == ']' && depth > 0) {
            --depth;
        }
    }
    return parts;
}

/// "A" or "[A,B]"; without empty words.
std::vector<std::string> words_of(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']'))
        text = text.substr(1, text.size() - 2);
    std::vector<std::string> words;
    for (const std::string_view word : split_list(text))
        if (!word.empty())
            words.emplace_back(word);
    return words;
}

bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    });
}

Result<std::vector<std::string>> patterns_of(const std::vector<std::string>& words) {
    std::vector<std::string> patterns;
    patterns.reserve(words.size());
    for (const std::string& word : words)
        patterns.push_back(MSB_TRY(parse_host_pattern(word)));
    return patterns;
}

Result<std::uint64_t> number_of(std::string_view text, std::string_view option) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number == 0)
        return invalid("secret option " + std::string(option) + "=" + std::string(text) +
                       " is not a number of requests");
    return number;
}

Status validate(const SecretSpec& secret) {
    const std::string of = "secret " + secret.env + ": ";
    if (secret.env.empty())
        return invalid("a secret needs the name of an environment variable");
    if (secret.env.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
        return invalid(of + "the name of an environment variable has neither = nor NUL");
    if (secret.env.starts_with("MSB_"))
        return invalid(of + "names that begin with MSB_ are reserved");
    if (secret.hosts.empty())
        return invalid(of + "at least one allowed host is required: --secret " + secret.env +
                       "@HOST");
    if (secret.placeholder.empty() || secret.placeholder.size() > SecretSpec::longest_placeholder)
        return invalid(of + "a placeholder has 1 to 1024 bytes");
    if (secret.placeholder.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos)
        return invalid(of + "a placeholder has neither NUL nor line breaks");
    if (!secret.headers && !secret.query && !secret.body)
        return invalid("secret must enable at least one substitution location (" + secret.env +
                       ")");
    if (!secret.headers && !secret.header_fields.empty())
        return invalid(of + "header fields are named, but headers are off");
    for (const std::string& field : secret.header_fields)
        if (!is_token(field))
            return invalid(of + "'" + field + "' is no name of a header");
    for (const std::string& method : secret.methods)
        if (!is_token(method))
            return invalid(of + "'" + method + "' is no method");
    for (const std::string& path : secret.paths)
        if (!path.starts_with('/'))
            return invalid(of + "a path begins with /: '" + path + "'");
    if (secret.hosts.size() > most_hosts || secret.passthrough.size() > most_hosts ||
        secret.header_fields.size() > most_words || secret.methods.size() > most_words ||
        secret.paths.size() > most_words)
        return invalid(of + "too many hosts, headers, methods or paths");
    const auto colon = secret.source.find(':');
    const std::string kind = secret.source.substr(0, colon);
    if (colon == std::string::npos || colon + 1 == secret.source.size() ||
        (kind != "env" && kind != "file" && kind != "exec"))
        return invalid(of + (kind == "store"
                                 ? "store-backed secret sources are not supported yet"
                                 : "the source is none of env:NAME, file:PATH, exec:COMMAND"));
    return {};
}

void complete(SecretSpec& secret) {
    if (secret.placeholder.empty())
        secret.placeholder = "$MSB_" + secret.env;
    if (secret.source.empty())
        secret.source = "env:" + secret.env;
}

/// What --secret has between ':' and '@'.
class Options {
  public:
    explicit Options(SecretSpec& secret) : secret_(secret) {}

    Status take(std::string_view option) {
        const auto equals = option.find_first_of("=:");
        const std::string_view key = option.substr(0, equals);
        const std::optional<std::string_view> value =
            equals == std::string_view::npos ? std::nullopt
                                             : std::optional(option.substr(equals + 1));
        if (key == "headers" || option == "no-headers")
            return headers(value);
        if (option == "query" || option == "body")
            return (option == "query" ? secret_.query : secret_.body) = true, Status();
        if (!value)
            return unknown(option);
        if (key == "passthrough") {
            secret_.passthrough = MSB_TRY(patterns_of(words_of(*value)));
            return secret_.passthrough.empty()
                       ? Status(invalid("secret passthrough requires at least one host"))
                       : Status();
        }
        if (key == "env" || key == "exec")
            return secret_.source = std::string(key) + ":" + std::string(*value), Status();
        if (key == "file")
            return secret_.source = "file:" + MSB_TRY(absolute_path(*value)), Status();
        if (key == "placeholder")
            return secret_.placeholder = *value, Status();
        if (key == "methods" || key == "method")
            return secret_.methods = words_of(*value), Status();
        if (key == "paths" || key == "path")
            return secret_.paths = words_of(*value), Status();
        if (key == "per-minute")
            return secret_.per_minute = MSB_TRY(number_of(*value, key)), Status();
        if (key == "total")
            return secret_.total = MSB_TRY(number_of(*value, key)), Status();
        if (key == "action")
            return secret_.action = MSB_TRY(parse_secret_action(*value)), Status();
        return unknown(option);
    }

  private:
    Status unknown(std::string_view option) const {
        return invalid("invalid secret option: " + std::string(option) +
                       " (expected: " + expected_options + ")");
    }
    Status headers(const std::optional<std::string_view>& value) {
        if (said_ && (secret_.headers != value.has_value()))
            return invalid("secret cannot combine `no-headers` with a `headers=` scope; specify "
                           "only one header scope");
        if (said_)
            return invalid("secret `headers=` scope may be specified only once");
        said_ = true;
        secret_.headers = value.has_value();
        if (!value)
            return {};
        std::vector<std::string> fields = words_of(*value);
        const bool all = std::ranges::find(fields, "*") != fields.end();
        if (all && fields.size() > 1)
            return invalid("secret header scope cannot combine `*` (all headers) with specific "
                           "field names; name either");
        if (fields.empty())
            return invalid("secret header scope requires at least one field name; use "
                           "`headers=*` for all headers");
        if (!all)
            secret_.header_fields = std::move(fields);
        return {};
    }

    SecretSpec& secret_;
    bool said_ = false;
};

Result<bool> flag_in(const json::Value& value, const std::string& where) {
    if (const auto flag = value.boolean())
        return *flag;
    return invalid(where + " is neither true nor false");
}

Result<std::vector<std::string>> texts_in(const json::Value& value, const std::string& where) {
    std::vector<std::string> texts;
    if (const std::string* const text = value.text())
        return std::vector{*text};
    if (!json::read(value, texts))
        return invalid(where + " is not a list of text");
    return texts;
}

/// "${NAME}": the host's variable.
Result<std::string> source_of_value(const std::string& value, const std::string& where) {
    constexpr std::string_view begin = "${", end = "}";
    if (value.size() > begin.size() + end.size() && value.starts_with(begin) &&
        value.ends_with(end))
        return "env:" + value.substr(begin.size(), value.size() - begin.size() - end.size());
    return invalid(where + ": a value does not stand in a file: write ${NAME}, or \"source\": "
                           "\"file:PATH\" or \"exec:COMMAND\"");
}

/// Names of places, as of "inject" and "substitution".
Status take_place(SecretSpec& secret, const std::string& place, const std::string& where) {
    if (place == "headers" || place == "basic_auth")
        secret.headers = true;
    else if (place == "query" || place == "query_params")
        secret.query = true;
    else if (place == "body")
        secret.body = true;
    else
        return invalid(where + ": '" + place + "' is none of headers, basic_auth, query, body");
    return {};
}

Status take_substitution(SecretSpec& secret, const json::Value& value, const std::string& where) {
    if (value.is_array() || value.is_text()) {
        secret.headers = false;
        for (const std::string& place : MSB_TRY(texts_in(value, where)))
            MSB_TRY(take_place(secret, place, where));
        return {};
    }
    bool basic = false;
    for (const auto& [key, item] : value.members()) {
        const std::string at = where + "." + key;
        if (item.is_null())
            continue;
        if (key == "header_fields") {
            secret.header_fields = MSB_TRY(texts_in(item, at));
        } else if (key == "headers") {
            secret.headers = MSB_TRY(flag_in(item, at));
        } else {
            const bool on = MSB_TRY(flag_in(item, at));
            if (key == "query" || key == "query_params")
                secret.query = on;
            else if (key == "body")
                secret.body = on;
            else if (key == "basic_auth")
                basic = on;
            else
                return invalid(where + " has no '" + key + "'");
        }
    }
    // Of the headers only those that have credentials.
    if (basic && !secret.headers) {
        secret.headers = true;
        secret.header_fields = {"authorization", "proxy-authorization"};
    }
    return {};
}

Status take_member(SecretSpec& secret, const std::string& key, const json::Value& value,
                   const std::string& where) {
    static const std::vector<std::string> known = {"env",
                                                   "env_var",
                                                   "source",
                                                   "value",
                                                   "placeholder",
                                                   "hosts",
                                                   "allow",
                                                   "allowed_hosts",
                                                   "passthrough",
                                                   "passthrough_hosts",
                                                   "substitution",
                                                   "inject",
                                                   "injection",
                                                   "methods",
                                                   "paths",
                                                   "per_minute",
                                                   "total",
                                                   "action",
                                                   "violation_action",
                                                   "on_violation",
                                                   "require_tls_identity"};
    if (value.is_null())
        return {};
    if (key == "hosts" || key == "allow" || key == "allowed_hosts")
        return secret.hosts = MSB_TRY(patterns_of(MSB_TRY(texts_in(value, where)))), Status();
    if (key == "passthrough" || key == "passthrough_hosts")
        return secret.passthrough = MSB_TRY(patterns_of(MSB_TRY(texts_in(value, where)))), Status();
    if (key == "substitution" || key == "inject" || key == "injection")
        return take_substitution(secret, value, where);
    if (key == "methods")
        return secret.methods = MSB_TRY(texts_in(value, where)), Status();
    if (key == "paths")
        return secret.paths = MSB_TRY(texts_in(value, where)), Status();
    if (key == "per_minute" || key == "total") {
        if (!value.unsigned_integer())
            return invalid(where + " is not a number");
        return (key == "total" ? secret.total : secret.per_minute) = *value.unsigned_integer(),
                                                Status();
    }
    if (key == "require_tls_identity")
        return MSB_TRY(flag_in(value, where))
                   ? Status()
                   : Status(invalid(
                         where +
                         ": a secret goes to hosts that prove who they are, and to no other"));
    const std::string* const text = value.text();
    if (std::ranges::find(known, key) == known.end()) {
        const auto meant = closest(key, known);
        return fail(Error(ErrorKind::invalid_argument, where + " is unknown")
                        .with_hint(meant ? "did you mean '" + *meant + "'?" : ""));
    }
    if (text == nullptr)
        return invalid(where + " is not text");
    if (key == "env" || key == "env_var")
        secret.env = *text;
    else if (key == "placeholder")
        secret.placeholder = *text;
    else if (key == "source")
        secret.source = *text;
    else if (key == "value")
        secret.source = MSB_TRY(source_of_value(*text, where));
    else
        secret.action = MSB_TRY(parse_secret_action(*text));
    return {};
}

Result<SecretSpec> read_secret(const std::string& env, const json::Value& document,
                               const std::string& where) {
    if (!document.is_object())
        return invalid(where + " is not an object");
    if (document.contains("value") && document.contains("source"))
        return invalid(where + " has both a value and a source");
    SecretSpec secret;
    secret.env = env;
    for (const auto& [key, value] : document.members())
        MSB_TRY(take_member(secret, key, value, where + "." + key));
    complete(secret);
    MSB_TRY(validate(secret));
    return secret;
}

} // namespace

Result<std::string> parse_secret_action(std::string_view text) {
    if (std::ranges::find(actions, text) != actions.end())
        return std::string(text);
    return invalid("invalid action on a violation '" + std::string(text) +
                   "' (expected block, block-and-log or block-and-terminate)");
}

Result<SecretSpec> parse_secret(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos)
        return invalid("secret '" + std::string(text.substr(0, text.find_first_of(":="))) +
                       "' has no host: --secret ENV@HOST[,HOST...]");
    const std::string_view before = text.substr(0, at);
    const auto colon = before.find(':');
    const std::string_view env = before.substr(0, colon);
    if (env.find('=') != std::string_view::npos)
        return invalid(
            "a secret's value does not stand on a command line: --secret ENV@HOST takes it "
            "from the environment");
    SecretSpec secret;
    secret.env = env;
    secret.hosts = MSB_TRY(patterns_of(words_of(text.substr(at + 1))));
    if (colon != std::string_view::npos) {
        if (colon + 1 == before.size())
            return invalid("secret options must not be empty");
        Options options(secret);
        for (const std::string_view option : split_list(before.substr(colon + 1)))
            MSB_TRY(options.take(option));
    }
    complete(secret);
    MSB_TRY(validate(secret));
    return secret;
}

Status add_secret(SecretsSpec& secrets, SecretSpec secret) {
    const auto found = std::ranges::find(secrets.list, secret.env, &SecretSpec::env);
    if (found == secrets.list.end()) {
        secrets.list.push_back(std::move(secret));
        return validate_secrets(secrets);
    }
    SecretSpec& both = *found;
    both.hosts.insert(both.hosts.end(), secret.hosts.begin(), secret.hosts.end());
    std::ranges::sort(both.hosts);
    both.hosts.erase(std::ranges::unique(both.hosts).begin(), both.hosts.end());
    both.query = both.query || secret.query;
    both.body = both.body || secret.body;
    both.headers = both.headers && secret.headers;
    if (both.header_fields.empty()) {
        both.header_fields = secret.header_fields;
    } else if (!secret.header_fields.empty()) {
        std::erase_if(both.header_fields, [&](const std::string& field) {
            return std::ranges::find(secret.header_fields, field) == secret.header_fields.end();
        });
        both.headers = both.headers && !both.header_fields.empty();
    }
    if (!both.headers)
        both.header_fields.clear();
    return validate_secrets(secrets);
}

Result<SecretsSpec> read_secrets_file(const json::Value& document) {
    if (!document.is_object())
        return invalid("secrets are not an object: {ENV: {\"hosts\": [...]}}");
    SecretsSpec secrets;
    const json::Value* const inner = document.find("secrets");
    const json::Value& map = inner != nullptr && inner->is_object() ? *inner : document;
    for (const auto& [env, value] : map.members())
        MSB_TRY(add_secret(secrets, MSB_TRY(read_secret(env, value, "secrets." + env))));
    return secrets;
}

Status validate_secrets(const SecretsSpec& secrets) {
    if (secrets.list.size() > SecretsSpec::most)
        return invalid("invalid config: more than 128 secrets");
    for (const SecretSpec& secret : secrets.list)
        MSB_TRY(validate(secret));
    return {};
}

SecretsSpec combine(SecretsSpec base, SecretsSpec given) {
    for (SecretSpec& secret : given.list) {
        std::erase_if(base.list, [&](const SecretSpec& one) { return one.env == secret.env; });
        base.list.push_back(std::move(secret));
    }
    if (!given.action.empty())
        base.action = std::move(given.action);
    return base;
}

json::Value to_document(const std::vector<SecretSpec>& secrets) {
    json::Value list = json::array();
    for (const SecretSpec& secret : secrets)
        list.push_back({{"env", secret.env},
                        {"placeholder", secret.placeholder},
                        {"source", secret.source},
                        {"hosts", secret.hosts},
                        {"passthrough", secret.passthrough},
                        {"substitution",
                         {{"headers", secret.headers},
                          {"header_fields", secret.header_fields},
                          {"query", secret.query},
                          {"body", secret.body}}},
                        {"methods", secret.methods},
                        {"paths", secret.paths},
                        {"per_minute", secret.per_minute},
                        {"total", secret.total},
                        {"action", json::or_null(secret.action)}});
    return list;
}

Result<std::vector<SecretSpec>> read_secrets(const json::Value& list) {
    SecretsSpec secrets;
    if (list.is_object()) // by variable
        return MSB_TRY(read_secrets_file(list)).list;
    if (!list.is_array())
        return invalid("'secrets' is not a list");
    for (const json::Value& element : list.elements())
        MSB_TRY(add_secret(secrets, MSB_TRY(read_secret("", element, "secrets"))));
    return std::move(secrets.list);
}

} // namespace msb
