// msb logs
#include "base/file.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "sandbox/log_reader.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

namespace msb::cli {

namespace {

struct LogsOptions {
    std::string name;
    std::size_t tail = 0;
    std::vector<std::string> sources;
    bool timestamps = false;
    bool json = false;
};

/// "error: failed to start ..." as the failed start printed it.
void print_boot_error(const SandboxFiles& files, const std::string& name) {
    const auto text = read_file(files.boot_error(), 1 << 20);
    if (!text)
        return;
    const auto boot = BootError::from_json(*text);
    if (!boot)
        return;
    std::vector<std::string> hints = {boot->stage + ": " + boot->message};
    if (!boot->hint.empty())
        hints.push_back(boot->hint);
    print_error("failed to start \"" + name + "\"", hints);
}

Status logs(Context& context, const LogsOptions& options) {
    const Home home = MSB_TRY(context.home());
    auto sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    MSB_TRY(sandboxes.get(options.name)); // not found is an error of its own
    const SandboxFiles files{home.sandbox(options.name)};

    const auto& wanted = options.sources;
    const auto has = [&](const char* source) {
        return std::find(wanted.begin(), wanted.end(), source) != wanted.end();
    };
    LogSelection selection;
    selection.system = has("system") || has("all");
    selection.output =
        wanted.empty() || has("all") || has("stdout") || has("stderr") || has("output");
    auto entries = MSB_TRY(read_logs(files, selection));
    if (!wanted.empty() && !has("all"))
        std::erase_if(entries, [&](const LogEntry& entry) { return !has(entry.source.c_str()); });
    if (options.tail > 0 && entries.size() > options.tail)
        entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(options.tail));

    print_boot_error(files, options.name);
    for (const LogEntry& entry : entries) {
        std::string text;
        if (options.json) {
            text = entry.line + "\n";
        } else {
            if (options.timestamps)
                text = styled(1, Style::dim, entry.time.empty() ? "-" : entry.time) + "\t";
            text += as_text(entry.data);
        }
        if (!print(text))
            return {}; // the reader has seen enough
    }
    return {};
}

} // namespace

void add_logs(CLI::App& app, Context& context) {
    auto options = std::make_shared<LogsOptions>();
    auto* command = app.add_subcommand("logs", "What commands wrote, also after they ended");
    command->group(group_sandboxes);
    command->add_option("name", options->name, "Sandbox")->required();
    command->add_option("--tail", options->tail, "Only the last N entries");
    command
        ->add_option("--source", options->sources,
                     "stdout, stderr, output, system or all (repeat, or separate with commas)")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::IsMember({"stdout", "stderr", "output", "system", "all"}));
    command->add_flag("--timestamps", options->timestamps, "Show when each entry was written");
    command->add_flag("--json", options->json, "JSON Lines, as stored");
    command->callback(
        [&context, options] { run_command(context, [&] { return logs(context, *options); }); });
}

} // namespace msb::cli
