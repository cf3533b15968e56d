#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <sstream>
#include <unistd.h>

namespace msb::cli {
namespace {

void add_global_flags(CLI::App& app, Context& context) {
    auto* levels = app.add_option_group("Logging", "Diagnostics on stderr (default: none)");
    levels->add_flag_function(
        "-v",
        [&context](std::int64_t count) {
            static constexpr std::array more = {log::Level::info, log::Level::debug,
                                                log::Level::trace};
            const auto last = static_cast<std::int64_t>(more.size());
            context.log_level =
                more[static_cast<std::size_t>(std::clamp<std::int64_t>(count, 1, last) - 1)];
        },
        "Log level info; -vv: debug, -vvv: trace");
    for (const auto level : {log::Level::error, log::Level::warn, log::Level::info,
                             log::Level::debug, log::Level::trace}) {
        const std::string name(log::to_string(level));
        levels->add_flag_callback(
            "--" + name, [&context, level] { context.log_level = level; }, "Log level " + name);
    }
    levels->require_option(0, 1);
}

/// A closed one would become the first file that we open, and be written to.
void open_standard_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) == -1)
            // The lowest free number is this one. For reading only: writing fails as it did.
            if (::open("/dev/null", O_RDONLY) != fd)
                return;
}

/// `extra`: the command line has words that nobody asked for.
std::string usage_hint(const CLI::App& app, bool extra) {
    std::string name = "msb";
    for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
        at = at->get_subcommands().front();
        name += " " + at->get_name();
    }
    if (extra && (name == "msb run" || name == "msb create"))
        return "a command for the sandbox goes behind `--`: " + name + " IMAGE -- ls";
    if (extra && name == "msb exec")
        return "a command for the sandbox goes behind `--`: msb exec NAME -- ls";
    if (name == "msb")
        return "see `msb --help`, or `msb COMMAND --help`";
    return "see `" + name + " --help`";
}

/// What was printed and did not arrive is no success.
int exit_code_of(const Context& context) {
    if (!print_failure() || is_reader_gone(*print_failure()))
        return context.exit_code;
    print_error(*print_failure());
    return context.exit_code == 0 ? exit_failure : context.exit_code;
}

int run(int argc, char** argv) {
    // A closed pipe is an error of write(), not the death of a command that has things to undo.
    std::signal(SIGPIPE, SIG_IGN);
    open_standard_streams();
    Context context;
    CLI::App app("Microsandbox CLI v" MSB_VERSION
                 "\nUntrusted code in local virtual machines that start like processes.",
                 "msb");
    app.set_version_flag("-V,--version", "msb " MSB_VERSION);
    app.fallthrough();
    app.require_subcommand(0, 1);
    app.get_formatter()->column_width(32);
    add_global_flags(app, context);
    app.parse_complete_callback(
        [&context] { log::configure(context.log_level, STDERR_FILENO, "msb"); });

    add_run(app, context);
    add_create(app, context);
    add_lifecycle(app, context);
    add_wait(app, context);
    add_list(app, context);
    add_inspect(app, context);
    add_exec(app, context);
    add_forward(app, context);
    add_sessions(app, context);
    add_copy(app, context);
    add_logs(app, context);
    add_image(app, context);
    add_pull(app, context);
    add_load(app, context);
    add_doctor(app, context);
    add_agent(app, context);
    app.add_subcommand("help", "Show this help")->group(group_other)->callback([&app] {
        // App::help() would show the help of the subcommand that was parsed: this one.
        (void)print(app.get_formatter()->make_help(&app, "msb", CLI::AppFormatMode::Normal));
    });

    // What follows "--" is the sandbox's command, never ours to interpret.
    const auto separator = std::find(argv, argv + argc, std::string_view("--"));
    if (separator != argv + argc)
        context.command.emplace(separator + 1, argv + argc);

    try {
        app.parse(static_cast<int>(separator - argv), argv);
        if (app.get_subcommands().empty())
            (void)print(app.help());
    } catch (const CLI::Success& success) { // --help, --version
        std::ostringstream text;
        context.exit_code = app.exit(success, text, text);
        (void)print(text.str());
    } catch (const CLI::ParseError& error) {
        const bool extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
        print_error(error.what(), {usage_hint(app, extra)});
        return exit_usage;
    }
    return exit_code_of(context);
}

} // namespace
} // namespace msb::cli

int main(int argc, char** argv) {
    return msb::cli::run(argc, argv);
}
