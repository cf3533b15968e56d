#include "sandbox/policies.hpp"

#include "base/closest.hpp"
#include "base/file.hpp"
#include "json/text.hpp"
#include "json/yaml.hpp"
#include "sandbox/launch/network_config.hpp"
#include "spec/network_document.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace msb {

namespace {

constexpr std::size_t longest_policy_name = 64;
constexpr std::array endings = {".yaml", ".yml", ".json"};

struct Curated {
    std::string_view name, text;
};

constexpr std::array curated = {
    Curated{"offline", "# No network at all.\n"
                       "profiles: [none]\n"},
    Curated{"none", "profiles: [none]\n"},
    Curated{"open", "# As --net all.\n"
                    "profiles: [all]\n"},
    Curated{"public", "# The Internet, and nothing of this machine and the networks around it.\n"
                      "profiles: [public]\n"},
    Curated{"package-registries",
            "# Where packages of operating systems and languages come from, over HTTPS, and the\n"
            "# distributions' mirrors over HTTP: what comes from there is signed.\n"
            "rules:\n"
            "  - allow@*.debian.org:tcp:80\n"
            "  - allow@*.debian.org:tcp:443\n"
            "  - allow@*.ubuntu.com:tcp:80\n"
            "  - allow@*.ubuntu.com:tcp:443\n"
            "  - allow@*.alpinelinux.org:tcp:80\n"
            "  - allow@*.alpinelinux.org:tcp:443\n"
            "  - allow@*.fedoraproject.org:tcp:443\n"
            "  - allow@pypi.org:tcp:443\n"
            "  - allow@*.pythonhosted.org:tcp:443\n"
            "  - allow@registry.npmjs.org:tcp:443\n"
            "  - allow@registry.yarnpkg.com:tcp:443\n"
            "  - allow@crates.io:tcp:443\n"
            "  - allow@*.crates.io:tcp:443\n"
            "  - allow@static.rust-lang.org:tcp:443\n"
            "  - allow@proxy.golang.org:tcp:443\n"
            "  - allow@sum.golang.org:tcp:443\n"
            "  - allow@rubygems.org:tcp:443\n"
            "  - allow@*.rubygems.org:tcp:443\n"
            "  - allow@repo.maven.apache.org:tcp:443\n"
            "  - allow@repo1.maven.org:tcp:443\n"
            "  - allow@api.nuget.org:tcp:443\n"},
    Curated{"git-hosts", "# Public Git hosts, over HTTPS and SSH.\n"
                         "rules:\n"
                         "  - allow@*.github.com:tcp:443\n"
                         "  - allow@*.github.com:tcp:22\n"
                         "  - allow@*.githubusercontent.com:tcp:443\n"
                         "  - allow@*.gitlab.com:tcp:443\n"
                         "  - allow@*.gitlab.com:tcp:22\n"
                         "  - allow@*.bitbucket.org:tcp:443\n"
                         "  - allow@*.bitbucket.org:tcp:22\n"
                         "  - allow@*.codeberg.org:tcp:443\n"
                         "  - allow@*.codeberg.org:tcp:22\n"
                         "  - allow@*.sr.ht:tcp:443\n"
                         "  - allow@*.sr.ht:tcp:22\n"},
};

bool is_policy_name(std::string_view name) {
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return !name.empty() && name.size() <= longest_policy_name && !name.starts_with('.') &&
           name.find_first_not_of(allowed) == std::string_view::npos;
}

Result<NetworkSpec> parse_document(std::string_view text, const std::string& path) {
    const auto value = path.ends_with(".json") ? json::parse(text) : json::parse_yaml(text);
    if (!value)
        return fail(ErrorKind::invalid_argument, value.error().message());
    if (!value->is_object())
        return fail(ErrorKind::invalid_argument, "not a mapping of names to values");
    return read_network_document(*value);
}

Result<NetworkSpec> parse_file(std::string_view text, const std::string& path,
                               const std::string& what) {
    auto network = parse_document(text, path);
    if (network)
        return network;
    return fail(std::move(network).error().wrap(what));
}

/// A policy may begin with another one; `depth`: how many stand on it.
Result<NetworkSpec> read_policy(const Home& home, std::string_view name, unsigned depth) {
    constexpr unsigned most_depth = 8;
    if (depth > most_depth)
        return fail(ErrorKind::invalid_argument,
                    "policy '" + std::string(name) + "' stands on itself");
    const PolicySource source = MSB_TRY(find_policy(home, name));
    NetworkSpec network = MSB_TRY(parse_file(
        source.text, source.path,
        "policy '" + source.name + "'" + (source.path.empty() ? "" : " (" + source.path + ")")));
    if (network.policy_name.empty())
        return network;
    const std::string below = network.policy_name;
    return combine(MSB_TRY(read_policy(home, below, depth + 1)), std::move(network));
}

} // namespace

Result<PolicySource> find_policy(const Home& home, std::string_view name) {
    if (!is_policy_name(name))
        return fail(ErrorKind::invalid_argument, "invalid policy name '" + std::string(name) +
                                                     "': letters, digits, '.', '_' and '-'");
    for (const char* const ending : endings) {
        std::string path = home.policies() + "/" + std::string(name) + ending;
        auto text = read_file(path, json::max_yaml_bytes);
        if (text)
            return PolicySource{std::string(name), std::move(path), std::move(*text)};
        if (text.error().kind() != ErrorKind::not_found)
            return fail(std::move(text).error().wrap("policy '" + std::string(name) + "'"));
    }
    const auto* const known = std::ranges::find(curated, name, &Curated::name);
    if (known != curated.end())
        return PolicySource{std::string(name), {}, std::string(known->text)};
    Error error(ErrorKind::not_found, "there is no network policy '" + std::string(name) + "' (" +
                                          home.policies() + "/" + std::string(name) + ".yaml)");
    std::vector<std::string> names;
    for (const PolicySource& source : list_policies(home))
        names.push_back(source.name);
    if (const auto meant = closest(name, names))
        return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
    return fail(std::move(error));
}

std::vector<PolicySource> list_policies(const Home& home) {
    std::vector<PolicySource> sources;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(home.policies(), none)) {
        const std::string ending = entry.path().extension(), name = entry.path().stem();
        if (std::ranges::find(endings, ending) != endings.end() && is_policy_name(name))
            sources.push_back({name, entry.path(), {}});
    }
    for (const Curated& one : curated)
        if (std::ranges::find(sources, one.name, &PolicySource::name) == sources.end())
            sources.push_back({std::string(one.name), {}, std::string(one.text)});
    std::ranges::sort(sources, {}, &PolicySource::name);
    return sources;
}

Result<NetworkSpec> read_policy(const Home& home, std::string_view name) {
    return read_policy(home, name, 0);
}

Result<NetworkSpec> read_network_file(const std::string& path) {
    const std::string what = "network configuration '" + path + "'";
    const std::string text = MSB_TRY_WRAP(read_file(path, json::max_yaml_bytes), what);
    return parse_file(text, path, what);
}

namespace {

void combine_links(NetworkSpec& both, const NetworkSpec& given) {
    const auto take = [](auto& into, const auto& from) {
        if (from)
            into = from;
    };
    take(both.interface.mac, given.interface.mac);
    take(both.interface.v4, given.interface.v4);
    take(both.interface.v6, given.interface.v6);
    take(both.interface.v4_pool, given.interface.v4_pool);
    take(both.interface.v6_pool, given.interface.v6_pool);
    if (given.interface.mtu != InterfaceSpec().mtu)
        both.interface.mtu = given.interface.mtu;
    take(both.rates.egress.bandwidth, given.rates.egress.bandwidth);
    take(both.rates.egress.ops, given.rates.egress.ops);
    take(both.rates.ingress.bandwidth, given.rates.ingress.bandwidth);
    take(both.rates.ingress.ops, given.rates.ingress.ops);
    if (!given.proxy.empty())
        both.proxy = given.proxy;
}

} // namespace

NetworkSpec combine(NetworkSpec base, NetworkSpec given) {
    NetworkSpec both = std::move(base);
    both.rules.insert(both.rules.begin(), given.rules.begin(), given.rules.end());
    both.published.insert(both.published.end(), given.published.begin(), given.published.end());
    both.enabled = both.enabled && given.enabled;
    if (given.joined)
        both.joined = given.joined;
    if (!given.profiles.empty())
        both.profiles = std::move(given.profiles);
    if (given.default_egress)
        both.default_egress = given.default_egress;
    if (given.default_ingress)
        both.default_ingress = given.default_ingress;
    const DnsSpec usual;
    if (!given.dns.nameservers.empty())
        both.dns.nameservers = std::move(given.dns.nameservers);
    if (given.dns.query_timeout_ms != usual.query_timeout_ms)
        both.dns.query_timeout_ms = given.dns.query_timeout_ms;
    both.dns.rebind_protection = both.dns.rebind_protection && given.dns.rebind_protection;
    combine_links(both, given);
    both.tls = combine(std::move(both.tls), std::move(given.tls));
    both.explain_denials = both.explain_denials && given.explain_denials;
    if (given.max_connections)
        both.max_connections = given.max_connections;
    if (!given.policy_name.empty())
        both.policy_name = std::move(given.policy_name);
    return both;
}

Result<NetworkSpec> complete_network(const Home& home, NetworkSpec given) {
    if (!given.policy_name.empty()) {
        NetworkSpec policy = MSB_TRY(read_policy(home, given.policy_name));
        return combine(std::move(policy), std::move(given));
    }
    if (!given.says_what_is_reached())
        given.profiles = MSB_TRY(NetworkConfig::read(home.root())).default_profiles;
    return given;
}

} // namespace msb
