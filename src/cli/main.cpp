#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <unistd.h>

namespace msb::cli {
namespace {

void add_global_flags(CLI::App& app, Context& context) {
    auto* levels = app.add_option_group(
        "Logging",
        "Diagnostics on stderr (default: none). `msb -v COMMAND`: info, -vv debug, -vvv trace");
    for (const auto level : {log::Level::error, log::Level::warn, log::Level::info,
                             log::Level::debug, log::Level::trace}) {
        const std::string name(log::to_string(level));
        levels->add_flag_callback(
            "--" + name, [&context, level] { context.log_level = level; }, "Log level " + name);
    }
    levels->require_option(0, 1);
}

/// Takes -v, -vv and -vvv off the front of the arguments; a subcommand may have a -v of its own.
void take_verbosity(int& argc, char**& argv, Context& context) {
    static constexpr std::array levels = {log::Level::info, log::Level::debug, log::Level::trace};
    std::size_t count = 0;
    while (argc > 1) {
        const std::string_view word = argv[1];
        if (word.size() < 2 || word[0] != '-' || word.find_first_not_of('v', 1) != word.npos)
            break;
        count += word.size() - 1;
        argv[1] = argv[0];
        ++argv;
        --argc;
    }
    if (count > 0)
        context.log_level = levels[std::min(count, levels.size()) - 1];
}

int run(int argc, char** argv) {
    // A closed pipe is an error of write(), not the death of a command that has things to undo.
    std::signal(SIGPIPE, SIG_IGN);
    Context context;
    take_verbosity(argc, argv, context);
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
    } catch (const CLI::Success& success) {
        return app.exit(success); // --help, --version
    } catch (const CLI::ExtrasError& error) {
        print_error(error.what(),
                    {"a command for the sandbox goes behind `--`: msb run IMAGE -- ls"});
        return exit_usage;
    } catch (const CLI::ParseError& error) {
        print_error(error.what(), {"see `msb --help`, or `msb COMMAND --help`"});
        return exit_usage;
    }
    return context.exit_code;
}

} // namespace
} // namespace msb::cli

int main(int argc, char** argv) {
    return msb::cli::run(argc, argv);
}
