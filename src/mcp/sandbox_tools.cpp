// Sandboxes: making, seeing, ending.
#include "api/fork.hpp"
#include "api/metrics.hpp"
#include "base/time.hpp"
#include "json/text.hpp"
#include "mcp/answers.hpp"
#include "mcp/workbench.hpp"
#include "sandbox/snapshots.hpp"
#include "spec/root_disk.hpp"

#include <fmt/core.h>
#include <random>

namespace msb::mcp {

namespace {

constexpr std::uint64_t most_seconds = std::uint64_t{365} * 24 * 3600;

Schema mount_schema() {
    return Schema()
        .text("host", "Absolute path on the host, in a directory that is allowed (--allow-dir).")
        .required()
        .text("guest", "Absolute path in the sandbox.")
        .required()
        .flag("readonly", "The sandbox cannot write there.");
}

Schema volume_schema() {
    return Schema()
        .text("name", "A volume; it is made if there is none.")
        .required()
        .text("guest", "Absolute path in the sandbox.")
        .required()
        .flag("readonly", "The sandbox cannot write there.");
}

Schema port_schema() {
    return Schema()
        .number("guest_port", "Port in the sandbox.")
        .required()
        .number("host_port", "Port on 127.0.0.1 of the host; default: one that is free.")
        .words("protocol", {"tcp", "udp"}, "Default: tcp.");
}

/// What sandbox_create and sandbox_run take.
Schema& add_creation(Schema& schema) {
    return schema
        .text("image", "Reference of a container image, such as \"python:3.12\"; default: a small "
                       "image with a shell.")
        .text("snapshot", "In place of an image: a snapshot to begin with.")
        .number("cpus", "Virtual processors; default: 1.")
        .number("memory_mib", "Memory in MiB; default: 512.")
        .map("env", "Environment variables of all commands.")
        .text("workdir", "Directory in which commands start.")
        .text("user", "USER[:GROUP] of commands.")
        .texts("network", "What may be reached: \"public\" (the default), \"private\", \"host\"; "
                          "\"all\" or \"none\" alone.")
        .texts("network_rules",
               "Rules before that, first match wins: \"allow@pypi.org:tcp:443\", \"deny@*\".")
        .objects("ports", port_schema(), "Ports of the host that lead into the sandbox.")
        .objects("mounts", mount_schema(), "Directories of the host in the sandbox.")
        .objects("volumes", volume_schema(), "Volumes in the sandbox.");
}

json::Value read_network(ffi::Options& arguments) {
    const auto profiles = arguments.texts("network");
    const auto rules = arguments.texts("network_rules");
    json::Value network = json::object();
    if (profiles == std::vector<std::string>{"none"} && !rules)
        return false;
    if (profiles)
        network["profiles"] = *profiles;
    if (rules)
        network["rules"] = *rules;
    return network.members().empty() ? json::Value() : network;
}

/// A list of objects, each read by `read`.
template <typename Read> void read_objects(ffi::Options& arguments, const char* key, Read read) {
    const json::Value list = arguments.any(key);
    if (list.is_null())
        return;
    if (!list.is_array())
        return arguments.complain("'" + std::string(key) + "' is not an array");
    for (const json::Value& item : list.elements()) {
        ffi::Options given(item, std::string(key) + ".");
        read(given);
        if (const auto checked = given.done(); !checked)
            arguments.pass_on(checked.error());
    }
}

/// A name, as it is; what is a path, only if it is allowed.
std::string name_or_path(Call& call, const char* key, bool (*is_path)(std::string_view)) {
    std::string text = call.arguments.text(key);
    if (!is_path(text))
        return text;
    auto path = call.bench.host_path(text);
    if (!path)
        call.arguments.refuse(path.error().error.to_string());
    return path.value_or(std::string());
}

/// The options of the library's create that stand for our arguments.
json::Value creation(Call& call) {
    ffi::Options& arguments = call.arguments;
    json::Value options = {
        {"image", name_or_path(call, "image", is_root_path)},
        {"from_snapshot", name_or_path(call, "snapshot", is_snapshot_path)},
        {"cpus", arguments.any("cpus")},
        {"memory_mib", arguments.any("memory_mib")},
        {"env", arguments.any("env")},
        {"workdir", arguments.text("workdir")},
        {"user", arguments.text("user")},
        {"network", read_network(arguments)},
    };
    json::Value ports = json::array();
    read_objects(arguments, "ports", [&](ffi::Options& given) {
        ports.push_back({{"guest_port", given.any("guest_port")},
                         {"host_port", given.number("host_port", 65535).value_or(0)},
                         {"protocol", given.text("protocol", "tcp")}});
    });
    if (!ports.elements().empty())
        options["ports"] = std::move(ports);
    json::Value volumes = json::object();
    read_objects(arguments, "mounts", [&](ffi::Options& given) {
        const std::string guest = needed(given, "guest");
        const bool readonly = given.flag("readonly");
        const auto host = call.bench.host_path(needed(given, "host"));
        if (!host)
            return given.refuse(host.error().error.to_string());
        volumes[guest] = {{"bind", *host}, {"readonly", readonly}};
    });
    read_objects(arguments, "volumes", [&](ffi::Options& given) {
        const std::string guest = needed(given, "guest");
        volumes[guest] = {{"named", needed(given, "name")},
                          {"named_mode", "ensure-exists"},
                          {"readonly", given.flag("readonly")}};
    });
    if (!volumes.members().empty())
        options["volumes"] = std::move(volumes);
    return options;
}

std::string new_name() {
    std::random_device random;
    return fmt::format("mcp-{:08x}", random());
}

api::Outcome<std::shared_ptr<api::Sandbox>> create(Call& call, const std::string& name,
                                                   const json::Value& options) {
    auto request = MSB_TRY(ffi::create_options(name, json::to_text(options).c_str()));
    request.progress = call.progress;
    return api::Sandbox::create(request, &call.cancel);
}

api::Outcome<Answer> sandbox_create(Call& call) {
    const std::string name = call.arguments.text("name", new_name());
    json::Value options = creation(call);
    const bool keep = call.arguments.flag("keep");
    options["detached"] = keep;
    options["ephemeral"] = !keep;
    options["replace"] = call.arguments.flag("replace");
    options["labels"] = call.arguments.any("labels");
    options["idle_timeout_secs"] =
        json::Value(call.arguments.number("idle_timeout_secs", most_seconds));
    MSB_TRY(call.arguments.done());
    auto sandbox = MSB_TRY(create(call, name, options));
    MSB_TRY(call.bench.adopt(std::move(sandbox)));
    return Answer{describe(MSB_TRY(api::get(name)))};
}

/// One command in a sandbox of its own.
api::Outcome<Answer> sandbox_run(Call& call) {
    json::Value options = creation(call);
    options["ephemeral"] = true;
    RunOptions wanted;
    wanted.input = call.arguments.text("stdin");
    const std::string script = needed(call.arguments, "script");
    const auto timeout = call.arguments.number("timeout_ms", longest_ms);
    MSB_TRY(call.arguments.done());
    wanted.exec.timeout = timeout ? std::chrono::milliseconds(static_cast<std::int64_t>(*timeout))
                                  : call.bench.limits().timeout;
    const auto sandbox = MSB_TRY(create(call, new_name(), options));
    wanted.argv = sandbox->shell_command(script);
    auto answer = run(call, *sandbox, std::move(wanted));
    (void)sandbox->close(nullptr);
    return answer;
}

api::Outcome<Answer> sandbox_list(Call& call) {
    const bool running = call.arguments.flag("running");
    MSB_TRY(call.arguments.done());
    json::Value list = json::array();
    for (const SandboxView& view : MSB_TRY(api::list({})).sandboxes)
        if (!running || is_active(view.state.status))
            list.push_back(describe(view));
    return Answer{{{"sandboxes", list}}};
}

api::Outcome<Answer> sandbox_inspect(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    MSB_TRY(call.arguments.done());
    const SandboxView view = MSB_TRY(api::get(name));
    json::Value found = describe(view);
    found["detail"] = json::or_null(view.state.detail);
    found["config"] = view.spec.to_document();
    return Answer{found};
}

api::Outcome<Answer> sandbox_metrics(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    MSB_TRY(call.arguments.done());
    const SandboxMetrics metrics = MSB_TRY(api::metrics(name));
    const metrics::Sample& sample = metrics.sample;
    return Answer{{{"cpuPercent", sample.cpu_percent},
                   {"vcpuTimeNs", sample.cpu_time_ns},
                   {"memoryBytes", sample.memory_used},
                   {"memoryAvailableBytes", sample.memory_available},
                   {"memoryHostResidentBytes", sample.host_resident},
                   {"memoryLimitBytes", sample.memory_limit},
                   {"diskReadBytes", sample.disk_read},
                   {"diskWriteBytes", sample.disk_written},
                   {"netRxBytes", sample.net_received},
                   {"netTxBytes", sample.net_sent},
                   {"uptimeSecs", static_cast<std::uint64_t>(metrics.uptime.count()) / 1000}}};
}

api::Outcome<Answer> sandbox_start(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    MSB_TRY(call.arguments.done());
    MSB_TRY(call.bench.adopt(MSB_TRY(api::Sandbox::start(name, true, &call.cancel))));
    return Answer{describe(MSB_TRY(api::get(name)))};
}

api::Outcome<Answer> sandbox_stop(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    const bool force = call.arguments.flag("force");
    MSB_TRY(call.arguments.done());
    const auto ours = call.bench.let_go(name); // its end is seen before it is let go of
    MSB_TRY(force ? api::kill(name, api::kill_timeout, &call.cancel)
                  : api::stop(name, default_stop_grace, &call.cancel));
    return Answer{{{"name", name}, {"status", "stopped"}}};
}

api::Outcome<Answer> sandbox_remove(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    const bool force = call.arguments.flag("force");
    MSB_TRY(call.arguments.done());
    if (force)
        (void)call.bench.let_go(name);
    auto removed = api::remove(name, force);
    // One that is thrown away when it stops may have been quicker.
    const bool ended =
        force && !removed && removed.error().kind == api::FailureKind::sandbox_not_found;
    if (!removed && !ended)
        return api::fail(std::move(removed).error());
    return Answer{{{"name", name}, {"removed", true}}};
}

api::Outcome<Answer> sandbox_fork(Call& call) {
    ForkRequest request;
    request.source = needed(call.arguments, "sandbox");
    request.names = call.arguments.texts("names").value_or(std::vector<std::string>());
    if (request.names.empty())
        call.arguments.complain("'names' is missing");
    request.copy_while_frozen = call.arguments.flag("copy_while_frozen");
    MSB_TRY(call.arguments.done());
    json::Value made = json::array();
    for (auto& sandbox : MSB_TRY(api::Sandbox::fork(request, true, {}, &call.cancel))) {
        made.push_back(sandbox->name());
        MSB_TRY(call.bench.adopt(std::move(sandbox)));
    }
    return Answer{{{"sandboxes", made}}};
}

} // namespace

std::vector<Tool> sandbox_tools() {
    using Effect = Tool::Effect;
    Schema run, creation;
    add_creation(run)
        .text("script", "What the shell of the sandbox runs.")
        .required()
        .text("stdin", "What it reads as its input.")
        .number("timeout_ms", "After so many milliseconds it is killed.");
    add_creation(creation)
        .text("name", "Name of the sandbox; default: a new one.")
        .map("labels", "Labels of the sandbox.")
        .number("idle_timeout_secs", "It stops when nothing happened for so many seconds.")
        .flag("replace", "A sandbox of this name is stopped and removed first.")
        .flag("keep", "It stays when this client ends; default: it ends and is removed then.");
    return {
        {"sandbox_run", "Run in a new sandbox",
         "Run a shell script in a new virtual machine that is thrown away afterwards. Returns its "
         "output and exit code. For several commands with the same files use sandbox_create and "
         "exec.",
         Effect::changes, run, sandbox_run},
        {"sandbox_create", "Create a sandbox",
         "Create a virtual machine from a container image and leave it running, for exec, shell, "
         "python and the file tools. It ends with this client, unless keep is true.",
         Effect::changes, creation, sandbox_create},
        {"sandbox_list", "List sandboxes", "All sandboxes of this machine's user, newest first.",
         Effect::reads, Schema().flag("running", "Only those that run."), sandbox_list},
        {"sandbox_inspect", "Inspect a sandbox", "State and configuration of one sandbox.",
         Effect::reads, of_sandbox(), sandbox_inspect},
        {"sandbox_metrics", "Metrics of a sandbox",
         "CPU, memory, disk and network that a running sandbox uses, as of the last second.",
         Effect::reads, of_sandbox(), sandbox_metrics},
        {"sandbox_start", "Start a sandbox", "Start a stopped sandbox; it goes on without us.",
         Effect::changes, of_sandbox(), sandbox_start},
        {"sandbox_stop", "Stop a sandbox", "Stop a sandbox; its disk is kept if it was kept.",
         Effect::destroys, of_sandbox().flag("force", "At once, without asking it."), sandbox_stop},
        {"sandbox_remove", "Remove a sandbox", "Remove a stopped sandbox and its disk.",
         Effect::destroys, of_sandbox().flag("force", "Also a running one: it is killed first."),
         sandbox_remove},
        {"sandbox_fork", "Fork a sandbox",
         "Create sandboxes whose disks begin as the disk of this one is now.", Effect::changes,
         of_sandbox()
             .texts("names", "Names of the new ones.")
             .required()
             .flag("copy_while_frozen",
                   "Copy the disk of a running one even where that takes a while."),
         sandbox_fork},
    };
}

} // namespace msb::mcp
