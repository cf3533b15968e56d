// msb ssh: a shell or a command in a sandbox; servers for SSH clients, their keys, and OpenSSH's
// settings.
#include "api/configuration.hpp"
#include "api/exec_request.hpp"
#include "api/ssh_files.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "cli/commands.hpp"
#include "cli/foreground.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "cli/ssh_serve.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t largest_config = std::size_t{1} << 20;

struct ConnectOptionsOfUser {
    std::string name;
    std::string named;
    bool quiet = false;
};

struct InactivityOptions {
    std::string timeout;
    bool none = false;
};

struct AuthorizeOptions {
    std::string file;
    std::string key;
    bool from_stdin = false;
};

Result<SshFiles> ssh_files(Context& context) {
    return SshFiles::open(MSB_TRY(context.home()), MSB_TRY(context.installation()));
}

// --- connect ------------------------------------------------------------------------------------

/// What the server would ask the guest for. Between two ends that are ours SSH would protect
/// nothing, so there is none.
Result<ForegroundOptions> make_foreground(const Context& context, const SandboxSpec& spec) {
    ForegroundOptions foreground;
    CommandOptions command;
    command.user = "root";
    const bool shell = !context.command || context.command->empty();
    command.tty = shell && is_terminal(STDIN_FILENO);
    command.term = terminal_type();
    std::vector<std::string> argv = {spec.shell};
    if (!shell)
        argv = {spec.shell, "-c", fmt::format("{}", fmt::join(*context.command, " "))};
    foreground.request = MSB_TRY(exec_request(spec, std::move(argv), command));
    foreground.attach_terminal = command.tty;
    foreground.forward_stdin = command.tty || !is_terminal(STDIN_FILENO);
    return foreground;
}

Status connect(Context& context, const ConnectOptionsOfUser& options) {
    const std::string& name = options.named.empty() ? options.name : options.named;
    if (name.empty())
        return fail(Error(ErrorKind::invalid_argument, "missing sandbox name")
                        .with_hint("msb ssh NAME, or msb ssh NAME -- COMMAND"));
    Session session = MSB_TRY(Session::open(context, options.quiet));
    const auto view = MSB_TRY(session.sandboxes().get(name));
    LaunchOptions launch = session.launch_options();
    launch.attached = true;
    const auto started = session.start_if_stopped(view, launch);
    if (!started)
        return session.report_failure(context, started.error(), view.spec), Status();
    const Status ran = [&]() -> Status {
        const auto loop = MSB_TRY(EventLoop::create());
        const auto client = MSB_TRY(session.connect_agent(*loop, name));
        const auto result = MSB_TRY(run_foreground(*loop, *client, session.signals(),
                                                   MSB_TRY(make_foreground(context, view.spec))));
        context.exit_code = result.exit_code;
        if (result.lost)
            return fail(Error(*result.lost)
                            .wrap("the session ended without an exit status")
                            .with_hint(lost_session_hint(name)));
        return {};
    }();
    if (started->has_value())
        MSB_TRY(session.end_temporary(name));
    if (!ran)
        session.report_failure(context, ran.error(), view.spec);
    return {};
}

void add_connect_options(Command& command, Context& context) {
    auto options = std::make_shared<ConnectOptionsOfUser>();
    command.take_command_line(&context.command);
    command.footer("A command follows `--`; its words are joined with spaces and read by the "
                   "sandbox's shell, as SSH does.\nA stopped sandbox is started and stopped "
                   "again.\nFor ssh, scp, sftp, rsync, git and editors: msb ssh config --install");
    command.option("sandbox", &options->name, "Sandbox").names(ValueOf::sandbox);
    command.option("-n,--name", &options->named,
                   "Sandbox, also one that is called as a command below");
    command.flag("-q,--quiet", &options->quiet, "No progress");
    command.action(
        [&context, options] { run_command(context, [&] { return connect(context, *options); }); });
}

// --- serve --------------------------------------------------------------------------------------

void add_serve(Command& ssh, Context& context) {
    ssh.add(
        "serve", "Serve SSH for a sandbox, on a port or on stdin and stdout", group_sandboxes,
        [&context](Command& command) {
            auto options = std::make_shared<SshServeOptions>();
            auto inactivity = std::make_shared<InactivityOptions>();
            command.footer("The login name is the user in the guest. Runs until Ctrl-C; the "
                           "sandbox goes on.");
            command.option("sandbox", &options->name, "Sandbox (NAME.msb will do)")
                .names(ValueOf::sandbox)
                .required();
            const Option stdio = command.flag(
                "--stdio", &options->stdio, "One connection on stdin and stdout, for ProxyCommand");
            command.option("--host", &options->host, "Address to listen on")
                .shows_default()
                .excludes(stdio);
            command.option("-p,--port", &options->port, "Port to listen on; 0: any free one")
                .within(0, 65535)
                .shows_default()
                .excludes(stdio);
            const Option timeout =
                command.option("--inactivity-timeout", &inactivity->timeout,
                               "End a connection on which nothing happens for so long (10m; 0: "
                               "never)");
            command.flag("--no-inactivity-timeout", &inactivity->none, "Never").excludes(timeout);
            command.action([&context, options, inactivity] {
                run_command(context, [&]() -> Status {
                    options->server.inactivity =
                        inactivity->none ? 0ms : MSB_TRY(ssh_inactivity(MSB_TRY(context.home())));
                    if (!inactivity->timeout.empty())
                        options->server.inactivity = std::chrono::milliseconds(
                            MSB_TRY(parse_duration_ms(inactivity->timeout, true)));
                    return ssh_serve(context, *options);
                });
            });
        });
}

// --- authorize ----------------------------------------------------------------------------------

Result<std::string> read_stdin() {
    std::string text;
    Bytes part(4096);
    while (const std::size_t count = MSB_TRY(sys::read(STDIN_FILENO, part))) {
        text += as_text(BytesView(part).first(count));
        if (text.size() > largest_config)
            return fail(ErrorKind::limit_exceeded, "that is no public key");
    }
    return text;
}

Status authorize(Context& context, const AuthorizeOptions& options) {
    const int sources = (options.file.empty() ? 0 : 1) + (options.key.empty() ? 0 : 1) +
                        (options.from_stdin ? 1 : 0);
    if (sources != 1)
        return fail(Error(ErrorKind::invalid_argument, "one of --file, --key and --stdin is needed")
                        .with_hint("msb ssh authorize --file ~/.ssh/id_ed25519.pub"));
    const std::string text = !options.file.empty()
                                 ? MSB_TRY(read_file(options.file, largest_config))
                             : options.from_stdin ? MSB_TRY(read_stdin())
                                                  : options.key;
    const auto key = MSB_TRY(ssh::parse_public_key(text));
    const SshFiles files = MSB_TRY(ssh_files(context));
    if (MSB_TRY(files.authorize(key)))
        print_done("Authorized", "key " + files.authorized_keys(), {});
    else
        print_done("Already authorized", files.authorized_keys(), {});
    return {};
}

void add_authorize(Command& ssh, Context& context) {
    ssh.add("authorize", "Let a public key enter every sandbox of this MSB_HOME", group_sandboxes,
            [&context](Command& command) {
                auto options = std::make_shared<AuthorizeOptions>();
                command.option("--file", &options->file, "File that holds it, as ~/.ssh/id_*.pub")
                    .names(ValueOf::file);
                command.option("--key", &options->key, "The key itself");
                command.flag("--stdin", &options->from_stdin, "Read it from stdin");
                command.action([&context, options] {
                    run_command(context, [&] { return authorize(context, *options); });
                });
            });
}

// --- config -------------------------------------------------------------------------------------

/// In double quotes, as ssh_config takes file names.
Result<std::string> quoted(const std::string& path) {
    if (path.find_first_of("\"\n%") != std::string::npos)
        return fail(ErrorKind::unsupported,
                    "OpenSSH's settings cannot name a path with a quote or %: " + path);
    return "\"" + path + "\"";
}

/// One word for the shell that runs a ProxyCommand.
Result<std::string> shell_quoted(const std::string& path) {
    if (path.find_first_of("'\n%") != std::string::npos)
        return fail(ErrorKind::unsupported,
                    "OpenSSH's settings cannot name a path with a quote or %: " + path);
    return "'" + path + "'";
}

Result<std::string> config_text(Context& context, const SshFiles& files) {
    const std::string program = MSB_TRY(executable_directory()) + "/msb";
    const std::string home = MSB_TRY(context.home()).root();
    return fmt::format("# Made by `msb ssh config`.\n"
                       "Host *.msb\n"
                       "    ProxyCommand env MSB_HOME={} {} ssh serve --stdio "
                       "--no-inactivity-timeout %n\n"
                       "    User root\n"
                       "    IdentityFile {}\n"
                       "    IdentitiesOnly yes\n"
                       "    UserKnownHostsFile {}\n"
                       "    StrictHostKeyChecking yes\n"
                       "    ForwardAgent no\n"
                       "    ForwardX11 no\n",
                       MSB_TRY(shell_quoted(home)), MSB_TRY(shell_quoted(program)),
                       MSB_TRY(quoted(files.client_key())), MSB_TRY(quoted(files.known_hosts())));
}

/// Puts the line in front: an Include that follows a Host is part of it.
Status include_in_users_config(const std::string& line) {
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/')
        return fail(ErrorKind::invalid_argument, "HOME is not set");
    const std::string directory = std::string(home) + "/.ssh";
    std::string path = directory + "/config";
    MSB_TRY(make_directories(directory, 0700));
    std::string text;
    mode_t mode = 0600;
    if (exists(path)) {
        // A file that is kept elsewhere and linked here stays so.
        const OwnedFd file = MSB_TRY(sys::open(path, O_RDONLY));
        path = MSB_TRY(sys::path_of(file.get()));
        mode = MSB_TRY(sys::fstat(file.get())).st_mode & 07777;
        text = MSB_TRY(read_file(path, largest_config));
    }
    if (text.starts_with(line) || text.find("\n" + line) != std::string::npos)
        return {};
    return write_file_atomic(path, line + text, mode);
}

Status config(Context& context, bool install) {
    const SshFiles files = MSB_TRY(ssh_files(context));
    MSB_TRY(files.make_client_key());
    MSB_TRY(files.host_key());
    const std::string text = MSB_TRY(config_text(context, files));
    if (!install) {
        (void)print(text);
        return {};
    }
    MSB_TRY(files.write_config(text));
    MSB_TRY(include_in_users_config("Include " + MSB_TRY(quoted(files.config())) + "\n"));
    print_done("Installed", "~/.ssh/config: try `ssh NAME.msb`", {});
    return {};
}

void add_ssh_config(Command& ssh, Context& context) {
    ssh.add("config", "Settings with which `ssh NAME.msb`, scp, rsync, git and editors work",
            group_sandboxes, [&context](Command& command) {
                auto install = std::make_shared<bool>(false);
                command.footer("Without --install they are printed. A key for them is made, which "
                               "may enter every sandbox of this MSB_HOME.");
                command.flag("--install", install.get(),
                             "Write them, and include them in ~/.ssh/config");
                command.action([&context, install] {
                    run_command(context, [&] { return config(context, *install); });
                });
            });
}

} // namespace

void add_ssh(Command& parent, Context& context) {
    const auto connects = [&context](Command& command) { add_connect_options(command, context); };
    Command& ssh = parent.add("ssh", "A shell or a command in a sandbox; SSH for other programs",
                              group_sandboxes, connects);
    ssh.add("connect", "The same as `msb ssh NAME`", group_sandboxes, connects);
    add_serve(ssh, context);
    add_authorize(ssh, context);
    add_ssh_config(ssh, context);
}

} // namespace msb::cli
