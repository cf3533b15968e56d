#include "cli/session.hpp"

#include "base/file.hpp"
#include "cli/boot_error_block.hpp"
#include "cli/image_progress.hpp"
#include "client/session_control.hpp"
#include "sandbox/engine_selection.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

constexpr const char* default_image = "microsandbox/default:latest";
/// When it is first looked who is waited for, and how often then.
constexpr auto first_look = 300ms;
constexpr auto look_again = 1s;
/// A copy does not show how far it is.
constexpr auto longest_copy = 5min;

} // namespace

Result<Session> Session::open(Context& context, bool quiet) {
    const Home home = MSB_TRY(context.home());
    Installation installation = MSB_TRY(context.installation());
    // Signals are blocked from here on, so that every path can clean up behind itself.
    SignalWatch signals =
        MSB_TRY(SignalWatch::create({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}));
    Sandboxes sandboxes = MSB_TRY(Sandboxes::open(home, installation));
    return Session(std::move(installation), std::move(sandboxes), image::Store(home.root()),
                   Progress::for_stderr(quiet), std::move(signals), context.log_level);
}

bool Session::poll_interrupt() {
    while (const auto number = signals_.poll())
        if (*number != SIGWINCH && !interrupted_)
            interrupted_ = number;
    return interrupted_.has_value();
}

Result<image::PullResult> Session::pull(const std::string& reference,
                                        const image::PullOptions& options) {
    ImageProgress progress(progress_, [this] { return poll_interrupt(); });
    auto result = store_.pull(reference, options, progress);
    progress_.clear();
    return result;
}

Result<image::Image> Session::resolve_image(const std::string& reference,
                                            const image::PullOptions& options) {
    if (!reference.empty())
        return MSB_TRY(pull(reference, options)).image;
    ImageProgress progress(progress_, [this] { return poll_interrupt(); });
    auto image = store_.ensure_embedded(installation_.share() + "/images/default.tar",
                                        default_image, progress);
    progress_.clear();
    return image;
}

Result<image::Image> Session::image_of(const SandboxSpec& spec) {
    // By digest: the reference may name another image by now.
    const auto digest = MSB_TRY(image::Digest::parse(spec.manifest_digest));
    auto image = store_.get_version(spec.image, digest);
    if (!image)
        return fail(std::move(image).error().with_hint(
            "load or pull that version again, or make a new sandbox"));
    return image;
}

Result<EngineSelection> Session::select_engine(const SandboxSpec& spec) {
    auto selection = MSB_TRY(msb::select_engine(home(), installation_, spec));
    for (const auto& [notice, name] : {std::pair(selection.notice, "isolation-notice"),
                                       std::pair(selection.ptrace_notice, "ptrace-notice")}) {
        const std::string marker = home().root() + "/run/" + name;
        if (notice.empty() || exists(marker))
            continue;
        print_warning(notice);
        (void)write_file_atomic(marker, "shown\n", 0600, false);
    }
    return selection;
}

LaunchOptions Session::launch_options() {
    LaunchOptions options;
    options.wait_tick = [this] { return tick(); };
    return options;
}

bool Session::tick() {
    progress_.tick();
    return poll_interrupt();
}

Status Session::replace(const std::string& name, std::chrono::milliseconds grace) {
    progress_.begin("Replacing", name);
    Status done = sandboxes_.stop(name, grace, [this] { return tick(); });
    if (done)
        done = sandboxes_.remove(name, true);
    progress_.clear();
    if (!done && done.error().kind() == ErrorKind::not_found)
        return {};
    return done;
}

Result<Running> Session::create(const SandboxSpec& spec, const image::Image& image,
                                const LaunchOptions& options) {
    const auto engine = MSB_TRY(select_engine(spec));
    progress_.begin("Starting", spec.name);
    auto running = sandboxes_.create(spec, image, engine, options);
    progress_.clear();
    return running;
}

Result<Running> Session::start(const SandboxSpec& spec, LaunchOptions options) {
    if (log_level_ != log::Level::off)
        options.log_level = log::to_string(log_level_);
    auto found = image_of(spec);
    if (!found) {
        sandboxes_.record_boot_error(spec.name, BootError::from("image", found.error()));
        return fail(std::move(found).error());
    }
    const image::Image image = std::move(*found);
    const auto engine = MSB_TRY(select_engine(spec));
    progress_.begin("Starting", spec.name);
    auto running = sandboxes_.start(spec.name, image, engine, options);
    progress_.clear();
    return running;
}

Result<std::optional<Running>> Session::start_if_stopped(const SandboxView& view,
                                                         const LaunchOptions& options) {
    if (is_active(view.state.status))
        return std::nullopt;
    auto started = start(view.spec, options);
    if (!started && started.error().kind() == ErrorKind::busy)
        if (const auto now = sandboxes_.get(view.spec.name); now && is_active(now->state.status))
            return std::nullopt;
    return std::optional(MSB_TRY(std::move(started)));
}

Status Session::end_temporary(const std::string& name) {
    using Clock = std::chrono::steady_clock;
    progress_.begin("Draining", name);
    auto look = Clock::now() + first_look;
    auto copied_until = Clock::now() + longest_copy;
    const auto enough = [&] {
        if (tick())
            return true;
        if (Clock::now() < look)
            return false;
        const auto commands = running_commands(name);
        look = Clock::now() + look_again;
        if (!commands)
            return true;
        if (commands->empty()) // it powers off, or files are being copied
            return Clock::now() >= copied_until;
        copied_until = Clock::now() + longest_copy;
        return std::ranges::none_of(*commands, &wire::SessionInfo::attached);
    };
    const Status drained = sandboxes_.drain(name, enough);
    progress_.clear();
    return drained ? drained : sandboxes_.stop(name, default_stop_grace);
}

Result<std::vector<wire::SessionInfo>> Session::running_commands(const std::string& name) {
    const auto loop = MSB_TRY(EventLoop::create());
    ConnectOptions options;
    options.connect_timeout = 1s;
    options.handshake_timeout = 5s;
    options.cancelled = [this] { return poll_interrupt(); };
    const auto client = MSB_TRY(AgentClient::connect(*loop, home().agent_socket(name), options));
    auto commands = MSB_TRY(list_sessions(*loop, *client));
    std::erase_if(commands, [](const auto& command) { return command.ended_at_ns.has_value(); });
    return commands;
}

Result<std::unique_ptr<AgentClient>> Session::connect_agent(EventLoop& loop,
                                                            const std::string& name) {
    ConnectOptions options;
    options.cancelled = [this] { return poll_interrupt(); };
    const auto deadline = std::chrono::steady_clock::now() + options.handshake_timeout;
    for (;;) {
        auto client = AgentClient::connect(loop, home().agent_socket(name), options);
        if (client || client.error().kind() == ErrorKind::cancelled)
            return client;
        // Another command may have just started it: its runtime lives and binds its socket soon.
        const auto view = sandboxes_.get(name);
        if (client.error().kind() == ErrorKind::unreachable && view &&
            view->state.status == SandboxStatus::starting &&
            std::chrono::steady_clock::now() < deadline && !poll_interrupt()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            continue;
        }
        // What the failing stage wrote down says more than what became of our connection.
        sandboxes_.load_boot_error(name);
        if (const auto& boot = sandboxes_.boot_error())
            return fail(Error(client.error().kind(), "failed to start \"" + name + "\": " +
                                                         boot->stage + ": " + boot->message)
                            .with_hint(boot->hint));
        return client;
    }
}

void Session::report_failure(Context& context, const Error& error, const SandboxSpec& spec) {
    progress_.clear();
    if (interrupted_) {
        context.exit_code = 128 + *interrupted_;
        return;
    }
    context.exit_code = exit_failure;
    const auto& boot = sandboxes_.boot_error();
    if (!boot)
        return print_error(error);
    print_boot_error(*boot, spec.name, !spec.ephemeral); // what is thrown away has no logs any more
}

std::vector<std::string>
exec_environment(const SandboxSpec& spec,
                 const std::vector<std::pair<std::string, std::string>>& more, bool tty) {
    SandboxSpec merged;
    merged.env = spec.env;
    for (const auto& [key, value] : more)
        merged.set_env(key, value);
    const bool has_term = std::any_of(merged.env.begin(), merged.env.end(),
                                      [](const auto& item) { return item.first == "TERM"; });
    if (tty && !has_term) {
        const char* term = std::getenv("TERM");
        const bool usable = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
        merged.set_env("TERM", usable ? term : "xterm");
    }
    std::vector<std::string> list;
    list.reserve(merged.env.size());
    for (const auto& [key, value] : merged.env)
        list.push_back(key + "=" + value);
    return list;
}

} // namespace msb::cli
