// msb logs
#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "cli/boot_error_block.hpp"
#include "cli/commands.hpp"
#include "cli/log_renderer.hpp"
#include "cli/parser.hpp"
#include "cli/running_sandbox.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

/// Printed in pieces of this size; less when there is nothing more for now.
constexpr std::size_t piece_bytes = std::size_t{64} << 10;
/// How often a follower looks whether the sandbox still runs; new output wakes it at once.
constexpr auto follow_tick = 250ms;

struct LogsOptions {
    std::string name;
    std::string job;
    std::optional<std::size_t> tail;
    std::string since;
    std::string until;
    std::vector<std::string> sources;
    std::string grep;
    std::string color = "auto";
    bool no_color = false;
    bool follow = false;
    bool timestamps = false;
    bool json = false;
    bool raw = false;
    bool show_id = false;
    bool color_sessions = false;
};

bool wants_colours(const LogsOptions& options) {
    if (options.no_color || options.color == "never")
        return false;
    if (options.color == "always")
        return true;
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    return is_terminal(STDOUT_FILENO) && (no_color == nullptr || *no_color == '\0') &&
           (term == nullptr || std::string_view(term) != "dumb");
}

std::set<LogSource> selected_sources(const std::vector<std::string>& names) {
    if (names.empty())
        return LogQuery{}.sources;
    std::set<LogSource> sources;
    for (const std::string& name : names) {
        if (name == "all")
            return {LogSource::standard_output, LogSource::standard_error, LogSource::output,
                    LogSource::system};
        if (const auto source = parse_log_source(name))
            sources.insert(*source);
    }
    return sources;
}

/// Wakes up when something changes in a directory, at the latest after a tick. If the system has no
/// watches left, only the ticks remain.
class DirectoryWatch {
  public:
    explicit DirectoryWatch(const std::string& directory)
        : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
        if (fd_ && ::inotify_add_watch(fd_.get(), directory.c_str(),
                                       IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0)
            fd_.reset();
    }

    /// False if nobody reads our output any more.
    bool wait() {
        std::array<pollfd, 2> fds = {{{fd_.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
        (void)::poll(fds.data(), fds.size(), static_cast<int>(follow_tick.count()));
        std::array<char, 4096> events;
        while (fds[0].revents != 0 && ::read(fd_.get(), events.data(), events.size()) > 0) {
        }
        return (fds[1].revents & (POLLERR | POLLHUP)) == 0;
    }

  private:
    OwnedFd fd_;
};

class Logs {
  public:
    Logs(Sandboxes& sandboxes, const LogsOptions& options)
        : sandboxes_(sandboxes), options_(options) {}
    Status run();

  private:
    Status prepare();
    void show_boot_error();
    Result<bool> drain();
    Status follow();
    bool still_runs();
    bool flush() {
        return options_.raw ? print_bytes(renderer_->take()) : print(renderer_->take());
    }

    Sandboxes& sandboxes_;
    const LogsOptions& options_;
    std::optional<SandboxFiles> files_;
    std::int64_t run_started_ns_ = 0;
    bool active_ = false;
    LogQuery query_;
    std::optional<Pattern> grep_;
    std::optional<LogReader> reader_;
    std::optional<LogRenderer> renderer_;
};

Status Logs::prepare() {
    const std::int64_t now = unix_time_ns();
    query_.sources = selected_sources(options_.sources);
    if (!options_.since.empty())
        query_.since_ns = MSB_TRY(parse_log_time(options_.since, now));
    if (!options_.until.empty())
        query_.until_ns = MSB_TRY(parse_log_time(options_.until, now));
    if (!options_.grep.empty())
        grep_ = MSB_TRY(Pattern::compile(options_.grep));
    if (!options_.job.empty()) {
        query_.session = MSB_TRY(parse_session(options_.job, options_.name));
        // Each run of a sandbox counts its sessions from 1.
        query_.since_ns = std::max(query_.since_ns.value_or(0), run_started_ns_);
    }
    if (options_.json)
        query_.tail_entries = options_.tail;
    else
        query_.tail_lines = options_.tail;

    LogStyle style;
    style.json = options_.json;
    style.raw = options_.raw;
    style.timestamps = options_.timestamps;
    style.session_ids = options_.show_id || options_.color_sessions;
    style.colour_sessions = options_.color_sessions;
    style.colours = wants_colours(options_);
    style.terminal = is_terminal(STDOUT_FILENO);
    style.grep = grep_ ? &*grep_ : nullptr;
    renderer_.emplace(style);
    return {};
}

Status Logs::run() {
    const SandboxView view = MSB_TRY(sandboxes_.get(options_.name)); // also ends a dead one's log
    files_ = SandboxFiles{sandboxes_.home().sandbox(options_.name)};
    run_started_ns_ = view.state.started_at_ns;
    active_ = is_active(view.state.status);
    MSB_TRY(prepare());
    if (!query_.session)
        show_boot_error();

    DirectoryWatch watch(files_->logs());
    reader_ = MSB_TRY(LogReader::open(*files_, query_));
    if (query_.tail_lines)
        renderer_->begin_tail(*query_.tail_lines);
    bool readable = MSB_TRY(drain());
    renderer_->end_tail();
    while (options_.follow && readable && active_) {
        if (!flush() || !watch.wait())
            return {}; // the reader has seen enough
        // Looked at first: what was written before the end is read after it.
        active_ = still_runs();
        readable = MSB_TRY(drain());
    }
    renderer_->finish();
    (void)flush();
    return {};
}

/// Shows what there is. False if nobody reads it.
Result<bool> Logs::drain() {
    while (const auto entry = MSB_TRY(reader_->next())) {
        renderer_->add(*entry);
        if (reader_->take_missed())
            print_warning("the log was rotated faster than it was read: entries are missing here");
        if (renderer_->pending() >= piece_bytes && !flush())
            return false;
    }
    return true;
}

bool Logs::still_runs() {
    if (query_.until_ns && unix_time_ns() >= *query_.until_ns)
        return false;
    const auto view = sandboxes_.get(options_.name);
    // Another start is another run: the one that was followed is over.
    return view && is_active(view->state.status) && view->state.started_at_ns == run_started_ns_;
}

void Logs::show_boot_error() {
    const auto text = read_file(files_->boot_error(), 1 << 20);
    const auto boot = text ? BootError::from_json(*text) : Result<BootError>(fail(text.error()));
    if (!boot)
        return;
    if (options_.json) {
        LogEntry entry;
        entry.source = LogSource::boot_error;
        entry.time_ns = boot->time_ns;
        entry.data.assign(text->begin(), text->end());
        renderer_->add(entry);
    } else {
        print_boot_error(*boot, options_.name, true);
    }
}

void add_options(Command& command, LogsOptions& options) {
    command.option("name", &options.name, "Sandbox").names(ValueOf::sandbox).required();
    command.option("--tail", &options.tail, "Only the last N lines (with --json: entries)")
        .not_negative();
    command.option("--since", &options.since,
                   "Not older than this: RFC 3339, or 90s, 5m, 2h, 1d ago");
    command.option("--until", &options.until, "Only older than this");
    command.flag("-f,--follow", &options.follow, "Go on until the sandbox stops");
    command
        .option("--job", &options.job,
                "Only what this session of the last run wrote (see `msb jobs`)")
        .value_name("ID");
    command
        .option("--source", &options.sources,
                "stdout, stderr, output, system or all (repeat, or separate with commas)")
        .separated_by(',')
        .one_of({"stdout", "stderr", "output", "system", "all"});
    command
        .option("--grep", &options.grep, "Only lines (with --json: entries) that match this regex")
        .not_empty("the pattern is empty");
    const Option timestamps =
        command.flag("--timestamps", &options.timestamps, "When each line was written");
    const Option ids = command.flag("--show-id", &options.show_id, "Which session wrote each line");
    const Option session_colours =
        command.flag("--color-sessions", &options.color_sessions, "A colour for each session");
    const Option json =
        command.flag("--json", &options.json, "JSON Lines (d, e, id, s, t), nothing else");
    const Option color = command.option("--color", &options.color, "auto|always|never")
                             .one_of({"auto", "always", "never"})
                             .shows_default();
    command.flag("--no-color", &options.no_color, "Same as --color never").excludes(color);
    command
        .flag("--raw", &options.raw,
              "Bytes as the commands wrote them; they may control the terminal")
        .excludes(json)
        .excludes(timestamps)
        .excludes(ids)
        .excludes(session_colours)
        .excludes(color);
}

Status show_logs(Context& context, const LogsOptions& options) {
    const Home home = MSB_TRY(context.home());
    auto sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    return Logs(sandboxes, options).run();
}

} // namespace

void add_logs(Command& parent, Context& context) {
    parent.add("logs", "What commands wrote, also after they ended", group_sandboxes,
               [&context](Command& command) {
                   auto options = std::make_shared<LogsOptions>();
                   add_options(command, *options);
                   command.action([&context, options] {
                       run_command(context, [&] { return show_logs(context, *options); });
                   });
               });
}

} // namespace msb::cli
