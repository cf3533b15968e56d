// msb inspect
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "json/text.hpp"
#include "sandbox/runtime_door.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

struct InspectOptions {
    std::string name;
    std::string format;
};

std::string timestamp(std::int64_t ns) {
    return ns == 0 ? "-" : format_local(ns);
}

std::string kernel_text(const SandboxView& view) {
    const SandboxState::Kernel& kernel = view.state.kernel;
    return (kernel.name.empty() ? "-" : kernel.name + " " + kernel.version) +
           " (chosen: " + view.spec.kernel + ")";
}

/// What the runtime of an active sandbox has to say beyond its state, which it may be unable to store.
struct Live {
    std::string detail;
    json::Value counters = json::array(); ///< of network rules: what they decided about
};

Live ask_runtime(const SandboxView& view, const Home& home) {
    Live live;
    if (!is_active(view.state.status))
        return live;
    auto door = RuntimeDoor::connect(home.runtime_socket(view.spec.name), 100ms);
    const auto report = door ? door->status() : fail(door.error());
    if (!report)
        return live;
    live.detail = report->detail;
    for (const std::string& line : report->network)
        if (auto counter = json::parse(line); counter && counter->is_object())
            live.counters.push_back(std::move(*counter));
    return live;
}

void add_secrets(KeyValues& text, const SecretsSpec& secrets) {
    if (secrets.empty())
        return;
    text.section("Secrets");
    for (const SecretSpec& secret : secrets.list)
        text.add_nested(secret.env, fmt::format("for {} (from {})", fmt::join(secret.hosts, ", "),
                                                secret.source));
}

void add_counters(KeyValues& text, const json::Value& counters) {
    if (counters.elements().empty())
        return;
    text.section("Network Counters");
    for (const json::Value& counter : counters.elements()) {
        const auto number = [&](const char* key) {
            const json::Value* const value = counter.find(key);
            return value != nullptr ? value->unsigned_integer().value_or(0) : 0;
        };
        const json::Value* const rule = counter.find("rule");
        const bool named = rule != nullptr && rule->text() != nullptr;
        text.add_nested(named ? "Rule" : "Default",
                        fmt::format("{}{} allowed, {} denied, {} bytes sent, {} received",
                                    named ? *rule->text() + ": " : "", number("allowed"),
                                    number("denied"), number("sent"), number("received")));
    }
}

void print_json(const SandboxView& view, const Home& home, const Live& live) {
    const auto time = [](std::int64_t ns) {
        return ns == 0 ? json::Value() : json::Value(format_rfc3339(ns, 9, "+00:00"));
    };
    const json::Value config = view.spec.to_document();
    const SandboxState& state = view.state;
    const json::Value document = {
        {"name", view.spec.name},
        {"status", to_string(state.status)},
        {"detail", json::or_null(live.detail)},
        {"network_counters", live.counters},
        {"config", config},
        {"active_config", is_active(state.status) ? config : json::Value()},
        {"pending_changes", json::array()},
        {"created_at", time(view.spec.created_at_ns)},
        {"updated_at", time(state.updated_at_ns)},
        {"engine", state.engine},
        {"isolation", state.isolation},
        {"kernel", state.kernel.to_document()},
        {"agent_socket", home.agent_socket_path(view.spec.name)},
        {"last_run",
         {{"started_at", time(state.started_at_ns)},
          {"stopped_at", time(state.stopped_at_ns)},
          {"reason", json::or_null(state.reason)},
          {"detail", json::or_null(state.detail)},
          {"exit_code", state.exit_code}}},
    };
    (void)print(json::to_text(document, 2) + "\n");
}

std::string root_text(const SandboxSpec& spec) {
    return "disk image (raw, " + (spec.root_fstype.empty() ? "any" : spec.root_fstype) + ")";
}

std::string network_text(const NetworkSpec& network) {
    if (!network.active())
        return "none";
    if (network.joined && network.has("none") && network.rules.empty() && !network.default_egress)
        return "private network only";
    if (!network.profiles.empty())
        return fmt::format("{}", fmt::join(network.profiles, ", "));
    return network.rules.empty() && !network.default_egress ? "published ports only" : "by rules";
}

/// In the order in which they are asked, if there is more to it than profiles.
void add_rules(KeyValues& text, const NetworkSpec& network) {
    if (network.rules.empty() && !network.default_egress && !network.default_ingress)
        return;
    const net::Policy policy = network.policy();
    text.section("Network Rules");
    for (std::size_t i = 0; i < policy.rules.size(); ++i)
        text.add_nested(std::to_string(i + 1), policy.rules[i].to_string());
    text.add_nested("Egress", policy.egress ? "allow" : "deny");
    text.add_nested("Ingress", policy.ingress ? "allow" : "deny");
}

void print_text(const SandboxView& view, const Live& live) {
    const SandboxSpec& spec = view.spec;
    const SandboxState& state = view.state;
    KeyValues text;
    text.add("Name", spec.name);
    text.add("Status", std::string(to_string(state.status)) +
                           (live.detail.empty() ? "" : " (" + live.detail + ")"));
    text.add("Created", timestamp(spec.created_at_ns));
    text.add("Updated", timestamp(state.updated_at_ns));
    text.add("Image", spec.image);
    if (spec.root == RootSource::image)
        text.add("Digest", spec.manifest_digest);
    text.add("Root Disk",
             spec.root == RootSource::image ? describe(spec.root_disk) : root_text(spec));
    text.add("Engine", state.engine.empty() ? "-" : state.engine + " (" + state.isolation + ")");
    text.add("Kernel", kernel_text(view));
    if (!state.reason.empty())
        text.add("Last End",
                 state.detail.empty() ? state.reason : state.reason + ": " + state.detail);
    if (state.exit_code)
        text.add("Exit Code", std::to_string(*state.exit_code));
    text.section("Resources");
    text.add_nested("CPUs", std::to_string(spec.cpus));
    text.add_nested("Max CPUs", std::to_string(spec.max_cpus));
    text.add_nested("Memory", fmt::format("{} MiB", spec.memory_mib));
    text.add_nested("Max Memory", fmt::format("{} MiB", spec.max_memory_mib));
    text.add_nested("THP", spec.thp);
    if (spec.init)
        text.add("Init", spec.init->cmd);
    text.add("Security", spec.security == SecurityProfile::restricted ? "restricted" : "default");
    text.add("Network", network_text(spec.network));
    if (const JoinedNetwork& joined = spec.network.joined)
        text.add("Private Network", joined.name + " (" + joined.address.to_string() + ")");
    add_rules(text, spec.network);
    add_counters(text, live.counters);
    add_secrets(text, spec.network.tls.secrets);
    if (!spec.network.published.empty()) {
        text.section("Ports");
        for (const PublishedPort& port : view.published())
            text.add_nested(port.udp ? "UDP" : "TCP",
                            fmt::format("{}:{} -> {}", port.bind, port.host, port.guest));
    }
    text.add("Hostname", spec.hostname);
    text.add("Workdir", spec.workdir.empty() ? "/" : spec.workdir);
    text.add("User", spec.user.empty() ? "root" : spec.user);
    text.add("Shell", spec.shell);
    if (!spec.env.empty()) {
        text.section("Environment");
        const std::map<std::string, std::string> sorted(spec.env.begin(), spec.env.end());
        for (const auto& [key, value] : sorted)
            text.add_nested(key, value);
    }
    if (!spec.mounts.empty()) {
        text.section("Mounts");
        for (const Mount& mount : spec.mounts)
            text.add_nested(mount.guest, fmt::format("→ {} {}", describe_source(mount),
                                                     describe_options(mount)));
    }
    if (!spec.labels.empty()) {
        text.section("Labels");
        for (const auto& [key, value] : spec.labels)
            text.add_nested(key, value);
    }
    (void)print(text.text());
}

Status inspect(Context& context, const InspectOptions& options) {
    const Home home = MSB_TRY(context.home());
    auto sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    const auto view = MSB_TRY(sandboxes.get(options.name));
    const Live live = ask_runtime(view, home);
    if (options.format == "json")
        print_json(view, home, live);
    else
        print_text(view, live);
    return {};
}

} // namespace

void add_inspect(Command& parent, Context& context) {
    parent.add(
        "inspect", "Everything about one sandbox", group_sandboxes, [&context](Command& command) {
            auto options = std::make_shared<InspectOptions>();
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command.option("--format", &options->format, "Output format").one_of({"json"});
            command.action([&context, options] {
                run_command(context, [&] { return inspect(context, *options); });
            });
        });
}

} // namespace msb::cli
