// msb ls, msb ps
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/live.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>

namespace msb::cli {

namespace {

constexpr std::chrono::seconds watch_interval{1};

struct ListOptions {
    std::string name;
    std::vector<std::string> labels;
    std::string format;
    bool running = false;
    bool stopped = false;
    bool all = false;
    bool quiet = false;
    bool watch = false;
};

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

std::string truncated(const std::string& text, std::size_t limit) {
    return text.size() <= limit ? text : text.substr(0, limit - 3) + "...";
}

std::string command_line(const SandboxSpec& spec) {
    std::string text;
    for (const auto* list : {&spec.entrypoint, &spec.cmd})
        for (const std::string& word : *list)
            text += (text.empty() ? "" : " ") + word;
    return text;
}

std::vector<std::string> published(const SandboxView& view) {
    std::vector<std::string> ports;
    for (const PublishedPort& port : view.published())
        ports.push_back(port.to_arrow());
    return ports;
}

Result<std::vector<SandboxView>> selected(Context& context, const ListOptions& options) {
    const Home home = MSB_TRY(context.home());
    Sandboxes sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    LabelSelector selector;
    for (const std::string& text : options.labels)
        selector.push_back(MSB_TRY(parse_label(text)));
    auto views = sandboxes.list(selector);
    for (const Error& error : sandboxes.damaged())
        print_warning(error.to_string() + "; " + error.hint());
    return views;
}

Status print_names(const std::vector<SandboxView>& views) {
    for (const SandboxView& view : views)
        (void)print(view.spec.name + "\n");
    return {};
}

Result<std::vector<SandboxView>> listed(Context& context, const ListOptions& options) {
    auto views = MSB_TRY(selected(context, options));
    std::erase_if(views, [&](const SandboxView& view) {
        const bool active = is_active(view.state.status);
        return (options.running && !active) || (options.stopped && active);
    });
    return views;
}

constexpr const char* no_sandboxes = "No sandboxes found.\n";

std::string list_table(const std::vector<SandboxView>& views) {
    Table table({"NAME", "IMAGE", "STATUS", "CREATED"});
    for (const SandboxView& view : views)
        table.add({view.spec.name, view.spec.image, lower_case(to_string(view.state.status)),
                   format_local(view.spec.created_at_ns)});
    return views.empty() ? no_sandboxes : table.render();
}

Status list(Context& context, const ListOptions& options) {
    if (options.watch)
        return watch_on_terminal("--watch", watch_interval,
                                 [&](const WindowSize&) -> Result<std::string> {
                                     return list_table(MSB_TRY(listed(context, options)));
                                 });
    const auto views = MSB_TRY(listed(context, options));
    if (options.quiet)
        return print_names(views);
    if (options.format == "json") {
        json::Value rows = json::array();
        for (const SandboxView& view : views)
            rows.push_back({{"name", view.spec.name},
                            {"image", view.spec.image},
                            {"status", to_string(view.state.status)},
                            {"created_at", format_rfc3339(view.spec.created_at_ns, 9, "+00:00")}});
        (void)print(json::to_text(rows, 2) + "\n");
        return {};
    }
    if (views.empty())
        return print_stderr(no_sandboxes), Status();
    (void)print(list_table(views));
    return {};
}

json::Value status_json(const SandboxView& view) {
    const SandboxSpec& spec = view.spec;
    return {{"name", spec.name},
            {"image", spec.image},
            {"command", command_line(spec)},
            {"cpus", spec.cpus},
            {"max_cpus", spec.max_cpus},
            {"memory_mib", spec.memory_mib},
            {"max_memory_mib", spec.max_memory_mib},
            {"thp", spec.thp},
            {"ports", published(view)},
            {"status", to_string(view.state.status)},
            {"engine", view.state.engine},
            {"isolation", view.state.isolation}};
}

Status status(Context& context, const ListOptions& options) {
    std::vector<SandboxView> views;
    if (!options.name.empty()) {
        const Home home = MSB_TRY(context.home());
        Sandboxes sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
        views.push_back(MSB_TRY(sandboxes.get(options.name)));
    } else {
        views = MSB_TRY(selected(context, options));
        std::erase_if(views, [&](const SandboxView& view) {
            return !options.all && view.state.status != SandboxStatus::running &&
                   view.state.status != SandboxStatus::draining &&
                   view.state.status != SandboxStatus::starting;
        });
        std::sort(views.begin(), views.end(),
                  [](const auto& a, const auto& b) { return a.spec.name < b.spec.name; });
    }
    if (options.quiet)
        return print_names(views);
    if (options.format == "json") {
        json::Value rows = json::array();
        for (const SandboxView& view : views)
            rows.push_back(status_json(view));
        (void)print(json::to_text(options.name.empty() ? rows : rows.elements().front(), 2) + "\n");
        return {};
    }
    if (views.empty())
        return print_stderr(options.all ? no_sandboxes : "No running sandboxes.\n"), Status();
    Table table({"NAME", "IMAGE", "COMMAND", "CPUS", "MEM", "STATUS", "ENGINE", "PORTS"});
    for (const SandboxView& view : views) {
        const SandboxSpec& spec = view.spec;
        const std::string command = truncated(command_line(spec), 40);
        const std::string engine =
            view.state.engine.empty() ? "-" : view.state.engine + " (" + view.state.isolation + ")";
        const std::string ports = fmt::format("{}", fmt::join(published(view), ", "));
        table.add({spec.name, truncated(spec.image, 36), command.empty() ? "-" : command,
                   fmt::format("{} / {}", spec.cpus, spec.cpus),
                   fmt::format("{} MiB / {} MiB", spec.memory_mib, spec.memory_mib),
                   lower_case(to_string(view.state.status)), engine,
                   ports.empty() ? "-" : truncated(ports, 32)});
    }
    (void)print(table.render());
    return {};
}

void add_common(Command& command, ListOptions& options) {
    command.option("--label", &options.labels, "KEY=VALUE; all must match (repeatable)");
    command.option("--format", &options.format, "Output format").one_of({"json"});
    command.flag("-q,--quiet", &options.quiet, "Names only");
}

void build_list(Command& command, Context& context) {
    auto options = std::make_shared<ListOptions>();
    add_common(command, *options);
    const Option running = command.flag("--running", &options->running, "Only running ones");
    command.flag("--stopped", &options->stopped, "Only stopped ones").excludes(running);
    command.flag("-w,--watch", &options->watch, "Goes on, on a terminal, until Ctrl-C")
        .excludes(command.find("--format"))
        .excludes(command.find("--quiet"));
    command.action(
        [&context, options] { run_command(context, [&] { return list(context, *options); }); });
}

void build_status(Command& command, Context& context) {
    auto options = std::make_shared<ListOptions>();
    add_common(command, *options);
    command.option("name", &options->name, "Only this one")
        .names(ValueOf::sandbox)
        .excludes(command.find("--label"));
    command.flag("-a,--all", &options->all, "Stopped ones too");
    command.action(
        [&context, options] { run_command(context, [&] { return status(context, *options); }); });
}

} // namespace

void add_list(Command& parent, Context& context) {
    parent
        .add("list", "List sandboxes", group_sandboxes,
             [&context](Command& command) { build_list(command, context); })
        .alias("ls");
    parent
        .add("status", "What running sandboxes are and use", group_sandboxes,
             [&context](Command& command) { build_status(command, context); })
        .alias("ps");
}

} // namespace msb::cli
