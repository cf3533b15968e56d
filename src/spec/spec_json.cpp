// spec.json: a SandboxSpec as JSON, and back.
#include "base/bytes.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"
#include "spec/mount_json.hpp"
#include "spec/spec.hpp"

namespace msb {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

json::Value write_pairs(const Pairs& pairs) {
    json::Value list = json::array();
    for (const auto& [key, value] : pairs) {
        json::Value pair = {{"key", key}, {"value", value}};
        // JSON has no room for other bytes; "value" is for people then.
        if (valid_utf8_prefix(value) != value.size())
            pair["value_b64"] = to_base64(as_bytes(value));
        list.push_back(std::move(pair));
    }
    return list;
}

Pairs read_pairs(json::Reader& document, const char* key) {
    Pairs pairs;
    for (const json::Value& element : document.list(key)) {
        json::Reader item(document, element);
        auto& [name, value] = pairs.emplace_back();
        item.get("key", name);
        item.get("value", value);
        if (!item.has("value_b64"))
            continue;
        if (const auto bytes = from_base64(item.get<std::string>("value_b64")))
            value = as_text(*bytes);
        else
            item.complain("'value_b64' is not base64");
    }
    return pairs;
}

json::Value write_init(const std::optional<InitSpec>& init) {
    if (!init)
        return nullptr;
    return {{"cmd", init->cmd}, {"args", init->args}, {"env", write_pairs(init->env)}};
}

InitSpec read_init(json::Reader item) {
    InitSpec init;
    item.get("cmd", init.cmd);
    item.get("args", init.args);
    init.env = read_pairs(item, "env");
    return init;
}

/// Null where nothing was chosen.
json::Value write_default(const std::optional<bool>& allow) {
    return allow ? json::Value(*allow ? "allow" : "deny") : json::Value();
}

std::optional<bool> read_default(json::Reader& document, const char* key) {
    if (!document.has(key) || document.member(key).is_null())
        return std::nullopt;
    const auto word = document.get<std::string>(key);
    if (word != "allow" && word != "deny")
        document.complain("'" + std::string(key) + "' is neither allow nor deny");
    return word == "allow";
}

json::Value write_joined(const JoinedNetwork& joined) {
    if (!joined)
        return nullptr;
    return {{"name", joined.name},
            {"subnet", joined.subnet.to_string()},
            {"address", joined.address.to_string()}};
}

void read_joined(json::Reader document, JoinedNetwork& joined) {
    document.get("name", joined.name);
    const auto subnet = Prefix::parse(document.get<std::string>("subnet"));
    const auto address = IpAddress::parse(document.get<std::string>("address"));
    if (!subnet || !address || address->v6 || !subnet->contains(*address))
        document.complain("no address of a private network");
    joined.subnet = subnet.value_or(Prefix());
    joined.address = address.value_or(IpAddress());
}

json::Value write_network(const NetworkSpec& network) {
    json::Value ports = json::array();
    for (const PublishedPort& port : network.published)
        ports.push_back({{"host_bind", port.bind},
                         {"host_port", port.host},
                         {"guest_port", port.guest},
                         {"protocol", port.udp ? "udp" : "tcp"}});
    json::Value rules = json::array();
    for (const net::Rule& rule : network.rules)
        rules.push_back(rule.to_string());
    json::Value nameservers = json::array();
    for (const Endpoint& server : network.dns.nameservers)
        nameservers.push_back(server.to_string());
    return {{"enabled", network.enabled},
            {"profiles", network.profiles},
            {"rules", rules},
            {"default_egress", write_default(network.default_egress)},
            {"default_ingress", write_default(network.default_ingress)},
            {"ports", ports},
            {"network", write_joined(network.joined)},
            {"policy", json::or_null(network.policy_name)},
            {"explain_denials", network.explain_denials},
            {"dns",
             {{"nameservers", nameservers},
              {"query_timeout_ms", network.dns.query_timeout_ms},
              {"rebind_protection", network.dns.rebind_protection}}},
            {"proxy", json::or_null(network.proxy)},
            {"interface", to_document(network.interface)},
            {"rate_limiter", to_document(network.rates)},
            {"tls", to_document(network.tls)},
            {"trust_host_cas", network.tls.trust_host_cas},
            {"max_connections", network.connections()}};
}

void read_dns(json::Reader document, DnsSpec& dns) {
    for (const auto& text : document.get<std::vector<std::string>>("nameservers")) {
        if (const auto server = parse_nameserver(text))
            dns.nameservers.push_back(*server);
        else
            document.complain(server.error().message());
    }
    document.get("query_timeout_ms", dns.query_timeout_ms);
    document.get("rebind_protection", dns.rebind_protection);
}

template <typename T> void take(json::Reader& document, Result<T> read, T& into) {
    if (read)
        into = std::move(*read);
    else
        document.complain(read.error().message());
}

void read_network(json::Reader document, NetworkSpec& network) {
    document.get("enabled", network.enabled);
    if (!document.has("profiles"))
        return; // of an earlier version
    document.get("profiles", network.profiles);
    if (const auto count = document.get<std::uint32_t>("max_connections");
        count != usual_connections)
        network.max_connections = count;
    if (document.has("rules")) { // earlier versions had none
        auto rules = parse_net_rules(document.get<std::vector<std::string>>("rules"));
        if (rules)
            network.rules = std::move(*rules);
        else
            document.complain(rules.error().message());
    }
    std::optional<std::string> policy;
    document.get_if_there("policy", policy);
    network.policy_name = policy.value_or("");
    document.get_if_there("explain_denials", network.explain_denials);
    if (document.has("dns")) // earlier versions had none
        read_dns({document, "dns"}, network.dns);
    // Earlier versions had none of these.
    if (document.has("network") && !document.member("network").is_null())
        read_joined({document, "network"}, network.joined);
    std::optional<std::string> proxy;
    document.get_if_there("proxy", proxy);
    network.proxy = proxy.value_or("");
    if (document.has("interface"))
        take(document, read_interface(document.member("interface")), network.interface);
    if (document.has("rate_limiter"))
        take(document, read_rates(document.member("rate_limiter")), network.rates);
    if (document.has("tls"))
        take(document, read_tls(document.member("tls")), network.tls);
    document.get_if_there("trust_host_cas", network.tls.trust_host_cas);
    network.default_egress = read_default(document, "default_egress");
    network.default_ingress = read_default(document, "default_ingress");
    for (const json::Value& element : document.list("ports")) {
        json::Reader item(document, element);
        PublishedPort& port = network.published.emplace_back();
        item.get("host_bind", port.bind);
        item.get("host_port", port.host);
        item.get("guest_port", port.guest);
        port.udp = item.get<std::string>("protocol") == "udp";
    }
}

template <typename Enum>
void read_word(json::Reader& from, const char* key, Enum& into, std::initializer_list<Enum> all) {
    const auto word = from.get<std::string>(key);
    for (const Enum one : all)
        if (word == to_string(one))
            return void(into = one);
    from.complain("'" + std::string(key) + "' is '" + word + "'");
}

void read_root_disk(json::Reader from, RootDisk& disk) {
    using enum RootDisk::Kind;
    using enum RootDisk::Clone;
    read_word(from, "kind", disk.kind, {managed, tmpfs, flat, RootDisk::Kind::image});
    read_word(from, "clone", disk.clone, {automatic, copy, reflink});
    disk.path = from.get<std::optional<std::string>>("path").value_or("");
    disk.fstype = from.get<std::optional<std::string>>("fstype").value_or("");
}

void read_root(json::Reader from, SandboxSpec& spec) {
    using enum RootSource;
    read_word(from, "kind", spec.root, {image, disk});
    spec.root_fstype = from.get<std::optional<std::string>>("fstype").value_or("");
}

void read_resources(json::Reader resources, SandboxSpec& spec) {
    resources.get("cpus", spec.cpus);
    spec.max_cpus = spec.cpus;
    resources.get_if_there("max_cpus", spec.max_cpus);
    resources.get("memory_mib", spec.memory_mib);
    spec.max_memory_mib = spec.memory_mib;
    resources.get_if_there("max_memory_mib", spec.max_memory_mib);
    resources.get_if_there("thp", spec.thp);
    resources.get("root_disk_mib", spec.root_disk.size_mib);
    if (resources.has("root_disk"))
        read_root_disk({resources, "root_disk"}, spec.root_disk);
}

void read_runtime(json::Reader runtime, SandboxSpec& spec) {
    runtime.get("entrypoint", spec.entrypoint);
    runtime.get("cmd", spec.cmd);
    runtime.get("workdir", spec.workdir);
    runtime.get("user", spec.user);
    runtime.get("shell", spec.shell);
    runtime.get_if_there("scripts", spec.scripts);
    runtime.get("hostname", spec.hostname);
    runtime.get("stop_signal", spec.stop_signal);
    runtime.get("log_level", spec.log_level);
    runtime.get_if_there("metrics_sample_interval_ms", spec.metrics_interval_ms);
    if (runtime.has("init") && runtime.member("init").is_object())
        spec.init = read_init({runtime, "init"});
}

void read_rlimits(json::Reader& document, SandboxSpec& spec) {
    for (const json::Value& element : document.list("rlimits")) {
        json::Reader item(document, element);
        Rlimit& limit = spec.rlimits.emplace_back();
        item.get("resource", limit.resource);
        item.get("soft", limit.soft);
        item.get("hard", limit.hard);
    }
}

void read_lifecycle(json::Reader lifecycle, SandboxSpec& spec) {
    lifecycle.get("ephemeral", spec.ephemeral);
    lifecycle.get("max_duration_secs", spec.max_duration_seconds);
    lifecycle.get("idle_timeout_secs", spec.idle_timeout_seconds);
}

} // namespace

json::Value SandboxSpec::to_document() const {
    json::Value rlimit_list = json::array();
    for (const Rlimit& limit : rlimits)
        rlimit_list.push_back(
            {{"resource", limit.resource}, {"soft", limit.soft}, {"hard", limit.hard}});
    json::Value mount_list = json::array();
    for (const Mount& mount : mounts)
        mount_list.push_back(mount_to_json(mount));
    return {
        {"name", name},
        {"image", image},
        {"root", {{"kind", to_string(root)}, {"fstype", json::or_null(root_fstype)}}},
        {"manifest_digest", manifest_digest},
        {"snapshot", json::or_null(snapshot)},
        {"resources",
         {{"cpus", cpus},
          {"max_cpus", max_cpus},
          {"memory_mib", memory_mib},
          {"max_memory_mib", max_memory_mib},
          {"thp", thp},
          {"root_disk_mib", root_disk.size_mib},
          {"root_disk",
           {{"kind", to_string(root_disk.kind)},
            {"path", json::or_null(root_disk.path)},
            {"fstype", json::or_null(root_disk.fstype)},
            {"clone", to_string(root_disk.clone)}}}}},
        {"runtime",
         {{"entrypoint", entrypoint},
          {"cmd", cmd},
          {"workdir", workdir},
          {"user", user},
          {"shell", shell},
          {"scripts", scripts},
          {"hostname", hostname},
          {"stop_signal", stop_signal},
          {"init", write_init(init)},
          {"log_level", log_level},
          {"metrics_sample_interval_ms", metrics_interval_ms}}},
        {"env", write_pairs(env)},
        {"labels", labels},
        {"rlimits", rlimit_list},
        {"mounts", mount_list},
        {"security_profile", security == SecurityProfile::restricted ? "restricted" : "default"},
        {"network", write_network(network)},
        {"engine", engine},
        {"kernel", kernel},
        {"require_isolation", require_hardware_isolation ? "hardware" : "any"},
        {"lifecycle",
         {{"ephemeral", ephemeral},
          {"max_duration_secs", max_duration_seconds},
          {"idle_timeout_secs", idle_timeout_seconds}}},
        {"created_at_ns", created_at_ns},
    };
}

Result<SandboxSpec> SandboxSpec::from_document(const json::Value& value) {
    json::Reader document(value);
    SandboxSpec spec;
    document.get("name", spec.name);
    document.get("image", spec.image);
    document.get("manifest_digest", spec.manifest_digest);
    if (document.has("root")) // earlier versions had images only
        read_root({document, "root"}, spec);
    std::optional<std::string> snapshot;
    document.get_if_there("snapshot", snapshot);
    spec.snapshot = snapshot.value_or("");
    read_resources({document, "resources"}, spec);
    read_runtime({document, "runtime"}, spec);
    if (document.has("network"))
        read_network({document, "network"}, spec.network);
    spec.env = read_pairs(document, "env");
    document.get("labels", spec.labels);
    if (document.has("mounts"))
        for (const json::Value& element : document.list("mounts"))
            spec.mounts.push_back(mount_from_json({document, element}));
    read_rlimits(document, spec);
    spec.security = document.get<std::string>("security_profile") == "restricted"
                        ? SecurityProfile::restricted
                        : SecurityProfile::standard;
    document.get("engine", spec.engine);
    document.get_if_there("kernel", spec.kernel);
    spec.require_hardware_isolation = document.get<std::string>("require_isolation") == "hardware";
    read_lifecycle({document, "lifecycle"}, spec);
    document.get("created_at_ns", spec.created_at_ns);
    MSB_TRY_WRAP(document.status(), "not the specification of a sandbox");
    return spec;
}

std::string SandboxSpec::to_json() const {
    return json::to_text(to_document(), 2) + "\n";
}

Result<SandboxSpec> SandboxSpec::from_json(std::string_view text) {
    return from_document(MSB_TRY(json::parse(text)));
}

} // namespace msb
