// msb net log, msb net learn: what a sandbox's network did.
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "json/text.hpp"
#include "logs/chain.hpp"
#include "sandbox/network_learning.hpp"
#include "sandbox/sandboxes.hpp"

#include <fmt/format.h>
#include <memory>
#include <thread>

namespace msb::cli {

namespace {

constexpr auto poll_time = std::chrono::milliseconds(200);

struct LogOptions {
    std::string name;
    bool follow = false;
    bool denied = false;
    std::string format;
};

std::string local_time(const std::string& text) {
    const auto time = parse_rfc3339(text);
    return time ? format_local(*time) : text;
}

/// "tcp pypi.org (151.101.0.223):443"
std::string peer_text(const NetworkEntry& entry) {
    if (entry.type == "lookup")
        return "lookup " + entry.name;
    const std::string port = entry.protocol == "ping" ? "" : ":" + std::to_string(entry.port);
    const std::string way = entry.direction == "in" ? " from " : " ";
    return entry.protocol + way +
           (entry.name.empty() ? entry.address : entry.name + " (" + entry.address + ")") + port;
}

std::string line_of(const NetworkEntry& entry) {
    if (entry.type == "policy")
        return fmt::format("{}  policy  {} -> {}", local_time(entry.time), entry.old_policy,
                           entry.new_policy);
    if (entry.type == "secret")
        return fmt::format("{}  {:<8}{}  {}", local_time(entry.time), entry.outcome,
                           peer_text(entry), entry.reason);
    std::string text =
        fmt::format("{}  {:<8}{}", local_time(entry.time), entry.outcome, peer_text(entry));
    if (entry.type == "flow" && !entry.denied())
        text += fmt::format("  sent {} received {}", entry.sent, entry.received);
    if (entry.intercepted)
        text += "  intercepted";
    if (entry.denied())
        text += "  " + entry.reason;
    else if (!entry.rule.empty())
        text += "  " + entry.rule;
    if (entry.missed > 0)
        text += fmt::format("  ({} before it were not recorded)", entry.missed);
    return text;
}

bool show(const NetworkEntry& entry, const LogOptions& options) {
    if (options.denied && !entry.denied())
        return true;
    return print(options.format == "json" ? json::to_text(entry.to_document()) + "\n"
                                          : printable_line(line_of(entry)) + "\n");
}

/// With `follow`, until the sandbox has ended.
Status show_log(Context& context, const LogOptions& options) {
    const Home home = MSB_TRY(context.home());
    auto sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    (void)MSB_TRY(sandboxes.get(options.name));
    LogForward log(SandboxFiles{home.sandbox(options.name)}.network_log());
    for (bool ended = !options.follow;;) {
        while (const auto line = MSB_TRY(log.next())) {
            const auto entry = parse_network_line(line->text);
            if (entry && !show(*entry, options))
                return {};
        }
        if (ended)
            return {};
        std::this_thread::sleep_for(poll_time);
        const auto view = sandboxes.get(options.name);
        ended = !view || !is_active(view->state.status); // and then what came meanwhile
    }
}

Status learn(Context& context, const std::string& name) {
    const Home home = MSB_TRY(context.home());
    auto sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    (void)MSB_TRY(sandboxes.get(name));
    std::vector<NetworkEntry> entries;
    MSB_TRY(read_network_log({home.sandbox(name)},
                             [&](const NetworkEntry& entry) { entries.push_back(entry); }));
    (void)print(learn_policy(entries));
    return {};
}

} // namespace

void add_net_log(Command& net, Context& context) {
    net.add(
        "log", "What a sandbox's network did: connections, lookups and refusals", group_sandboxes,
        [&context](Command& command) {
            auto options = std::make_shared<LogOptions>();
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command.flag("-f,--follow", &options->follow, "Go on until the sandbox has ended");
            command.flag("--denied", &options->denied, "Only what was refused");
            command.option("--format", &options->format, "Output format").one_of({"json"});
            command.action([&context, options] {
                run_command(context, [&] { return show_log(context, *options); });
            });
        });
    net.add("learn", "A policy file that allows what a sandbox did, and nothing else",
            group_sandboxes, [&context](Command& command) {
                auto name = std::make_shared<std::string>();
                command.option("name", name.get(), "Sandbox").names(ValueOf::sandbox).required();
                command.action([&context, name] {
                    run_command(context, [&] { return learn(context, *name); });
                });
            });
}

} // namespace msb::cli
