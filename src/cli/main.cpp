#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "terminal/terminal.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace msb::cli {
namespace {

void add_global_flags(Command& root, Context& context) {
    Command levels = root.at_most_one("Logging", "Diagnostics on stderr (default: none)");
    levels.counted(
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
        levels.counted(("--" + name).c_str(),
                       [&context, level](std::int64_t count) {
                           if (count > 0)
                               context.log_level = level;
                       },
                       ("Log level " + name).c_str());
    }
}

/// If a standard stream is closed, the first file that we open would take its number and be written
/// to.
void open_standard_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) == -1)
            // open() takes the lowest free number, which is this one. Open for reading only, so
            // that writing still fails.
            if (::open("/dev/null", O_RDONLY) != fd)
                return;
}

std::string usage_hint(const std::string& command, bool extra) {
    if (extra && (command == "msb run" || command == "msb create"))
        return "a command for the sandbox goes behind `--`: " + command + " IMAGE -- ls";
    if (extra && command == "msb exec")
        return "a command for the sandbox goes behind `--`: msb exec NAME -- ls";
    if (extra && command == "msb ssh")
        return "a command for the sandbox goes behind `--`: msb ssh NAME -- ls";
    if (command == "msb")
        return "see `msb --help`, or `msb COMMAND --help`";
    return "see `" + command + " --help`";
}

int refuse(const Parser& parser, const UsageError& error) {
    std::vector<std::string> hints;
    if (error.meant)
        hints.push_back("did you mean '" + *error.meant + "'?");
    hints.push_back(usage_hint(parser.used_name(), error.extra));
    print_error(error.message, hints);
    return exit_usage;
}

void add_commands(Command& root, Context& context) {
    add_run(root, context);
    add_create(root, context);
    add_fork(root, context);
    add_lifecycle(root, context);
    add_wait(root, context);
    add_list(root, context);
    add_metrics(root, context);
    add_inspect(root, context);
    add_exec(root, context);
    add_forward(root, context);
    add_ssh(root, context);
    add_sessions(root, context);
    add_jobs(root, context);
    add_copy(root, context);
    add_modify(root, context);
    add_port(root, context);
    add_net(root, context);
    add_network(root, context);
    add_logs(root, context);
    add_image(root, context);
    add_pull(root, context);
    add_load(root, context);
    add_snapshot(root, context);
    add_volume(root, context);
    add_diff(root, context);
    add_storage(root, context);
    add_alias(root, context);
    Command& self = root.add_family("self", "The installation itself", group_installation);
    add_doctor(self, root, context);
    add_self(self, root, context);
    add_mcp(root, context);
    add_agent(root, context);
    add_config(root, context);
    add_completion(root, context);
    add_man(root, context);
}

/// Output that could not be written is a failure.
int exit_code_of(const Context& context) {
    if (!print_failure() || is_reader_gone(*print_failure()))
        return context.exit_code;
    print_error(*print_failure());
    return context.exit_code == 0 ? exit_failure : context.exit_code;
}

int run(int argc, char** argv) {
    // Writing to a closed pipe must be an error of write(), not kill a command that has things to
    // undo.
    std::signal(SIGPIPE, SIG_IGN);
    open_standard_streams();
    Context context;
    Parser parser("msb",
                  "Microsandbox CLI v" MSB_VERSION
                  "\nUntrusted code in local virtual machines that start like processes.",
                  "msb " MSB_VERSION);
    add_global_flags(parser.root(), context);
    add_commands(parser.root(), context);
    const auto show_help = [&parser] { (void)print(parser.help()); };
    parser.root().action(show_help);
    parser.root().add("help", "Show this help", group_other,
                      [&](Command& command) { command.action(show_help); });

    const auto parsed = parser.parse(argc, argv);
    if (const auto* error = std::get_if<UsageError>(&parsed))
        return refuse(parser, *error);
    if (const auto* text = std::get_if<std::string>(&parsed)) {
        (void)print(*text);
    } else {
        log::configure(context.log_level, STDERR_FILENO, "msb");
        parser.run();
    }
    return exit_code_of(context);
}

} // namespace
} // namespace msb::cli

int main(int argc, char** argv) {
    return msb::cli::run(argc, argv);
}
