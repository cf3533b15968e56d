#include "cli/foreground.hpp"

#include "base/time.hpp"
#include "cli/output.hpp"
#include "wire/exit_code.hpp"

#include <csignal>
#include <fmt/format.h>
#include <unistd.h>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

/// How long a killed command may take to report its end.
constexpr auto kill_grace = 5s;
constexpr int interrupts_that_kill = 3;

class Foreground {
  public:
    Foreground(EventLoop& loop, AgentClient& client, SignalWatch& signals,
               ForegroundOptions options)
        : loop_(loop), client_(client), signals_(signals), options_(std::move(options)),
          out_(loop, STDOUT_FILENO), err_(loop, STDERR_FILENO),
          detach_keys_(options_.attach_terminal ? options_.detach_keys : Bytes()) {}

    Result<ForegroundResult> run();

  private:
    void start_session();
    Status start_input();
    void handle_input(BytesView data);
    void handle_input_end();
    void handle_detached(const wire::SessionDetached& detached);
    void handle_signal(int number);
    void handle_output_change();
    void time_out();
    void kill();
    void end(int exit_code);

    EventLoop& loop_;
    AgentClient& client_;
    SignalWatch& signals_;
    ForegroundOptions options_;
    OutputPump out_;
    OutputPump err_;
    std::optional<RawTerminal> raw_;
    std::optional<ExecSession> session_;
    std::optional<InputPump> input_;
    DetachKeys detach_keys_;
    ForegroundResult result_;
    int interrupts_ = 0;
    bool ended_ = false;
    bool killed_ = false;
    bool timed_out_ = false;
    bool reader_gone_ = false;
};

Result<ForegroundResult> Foreground::run() {
    if (options_.attach_terminal) {
        raw_.emplace(MSB_TRY(RawTerminal::enter(STDIN_FILENO)));
        if (const auto size = window_size(STDIN_FILENO)) {
            options_.request.rows = size->rows;
            options_.request.cols = size->cols;
            if (options_.attach) {
                options_.attach->rows = size->rows;
                options_.attach->cols = size->cols;
            }
        }
    }
    out_.on_change = [this] { handle_output_change(); };
    err_.on_change = [this] { handle_output_change(); };
    client_.on_closed([this](const Error& error) {
        if (!ended_)
            result_.lost = error;
        end(wire::exit_code_of(wire::ExecFailed{}));
    });
    MSB_TRY(signals_.attach(loop_, [this](int number) { handle_signal(number); }));
    start_session();
    MSB_TRY(start_input());
    if (options_.timeout)
        loop_.after(*options_.timeout, [this] { time_out(); });
    const Status done = loop_.run();
    signals_.detach();
    client_.on_closed({});
    client_.on_drained({});
    raw_.reset();
    MSB_TRY(Status(done));
    if (timed_out_) {
        print_error("exec timed out after " + format_duration(*options_.timeout));
        result_.exit_code = 1;
        result_.lost.reset();
    } else if (reader_gone_) {
        result_.exit_code = 0; // whoever read our output has seen enough
        result_.lost.reset();
    }
    return result_;
}

void Foreground::start_session() {
    ExecEvents events;
    events.started = [this](std::uint32_t) { result_.started_ns = monotonic_ns(); };
    events.out = [this](BytesView data) {
        out_.write(data);
        handle_output_change();
    };
    events.err = [this](BytesView data) {
        err_.write(data);
        handle_output_change();
    };
    // The command goes on without its input; reading more of it would be pointless.
    events.stdin_error = [this](const wire::ExecStdinError&) { input_.reset(); };
    events.input_room = [this] {
        if (input_)
            input_->resume();
    };
    events.exited = [this](const wire::ExecExited& exited) { end(wire::exit_code_of(exited)); };
    events.failed = [this](const wire::ExecFailed& failed) {
        raw_.reset();
        show_exec_failure(options_.request.cmd, failed);
        end(wire::exit_code_of(failed));
    };
    events.broken = [this](const Error& error) {
        result_.lost = error;
        end(1);
    };
    events.attached = [](const wire::SessionAttached& attached) {
        if (attached.lost_bytes > 0)
            print_stderr(fmt::format("[{} of earlier output are not kept any more]\r\n",
                                     format_bytes(attached.lost_bytes)));
    };
    events.detached = [this](const wire::SessionDetached& detached) { handle_detached(detached); };
    events.refused = [this](const wire::SessionFailed& refused) {
        raw_.reset();
        std::vector<std::string> hints;
        if (refused.kind == wire::SessionFailure::busy)
            hints.emplace_back("take it over with --steal");
        print_error("cannot attach: " + refused.message, hints);
        end(1);
    };
    options_.request.flow = true;
    if (options_.attach) {
        options_.attach->flow = true;
        session_.emplace(client_, *options_.attach, std::move(events));
    } else {
        session_.emplace(client_, options_.request, std::move(events));
    }
}

Status Foreground::start_input() {
    if (!options_.forward_stdin) {
        handle_input_end();
        return {};
    }
    client_.on_drained([this] {
        if (input_)
            input_->resume();
    });
    input_.emplace(loop_, STDIN_FILENO,
                   InputPump::Events{
                       .data = [this](BytesView data) { handle_input(data); },
                       .end = [this] { handle_input_end(); },
                       .has_room =
                           [this] {
                               return session_->wants_input() &&
                                      client_.queued() <= AgentClient::high_water;
                           },
                   });
    const Status started = input_->start();
    if (!started) { // a closed stdin, for one
        input_.reset();
        handle_input_end();
    }
    return {};
}

void Foreground::handle_input(BytesView data) {
    if (options_.detach_keys.empty() || !options_.attach_terminal)
        return session_->write_stdin(data);
    const Bytes passed = detach_keys_.filter(data);
    if (!passed.empty())
        session_->write_stdin(passed);
    if (detach_keys_.pressed())
        session_->detach();
}

void Foreground::handle_input_end() {
    // The end of our input is not the end of a terminal that others will attach to.
    if (!options_.attach || (options_.forward_stdin && !options_.request.tty))
        session_->close_stdin();
}

void Foreground::handle_detached(const wire::SessionDetached& detached) {
    raw_.reset();
    result_.detached = detached.session;
    result_.stolen = detached.stolen;
    end(0);
}

void Foreground::handle_signal(int number) {
    if (number == SIGWINCH) {
        const auto size = window_size(STDIN_FILENO);
        if (options_.attach_terminal && size)
            session_->resize(size->rows, size->cols);
        return;
    }
    if (options_.attach && (number == SIGHUP || number == SIGTERM)) {
        end(128 + number);
        return loop_.stop();
    }
    if (number == SIGINT && ++interrupts_ >= interrupts_that_kill)
        return kill();
    if (number != SIGINT)
        interrupts_ = 0;
    session_->signal(number);
}

void Foreground::handle_output_change() {
    if ((out_.broken() || err_.broken()) && !reader_gone_ && !ended_) {
        reader_gone_ = true;
        kill();
    }
    client_.pause_reading(out_.full() || err_.full());
    if (ended_ && out_.empty() && err_.empty())
        loop_.stop();
}

void Foreground::time_out() {
    if (ended_)
        return;
    timed_out_ = true;
    kill();
}

void Foreground::kill() {
    if (std::exchange(killed_, true))
        return;
    session_->signal(SIGKILL);
    // Also when nobody reads our output: a full pipe must not keep a killed command's client.
    loop_.after(kill_grace, [this] {
        end(128 + SIGKILL);
        loop_.stop();
    });
}

void Foreground::end(int exit_code) {
    if (std::exchange(ended_, true))
        return;
    result_.ended_ns = monotonic_ns();
    result_.exit_code = exit_code;
    handle_output_change();
}

} // namespace

std::string lost_session_hint(const std::string& name) {
    return "the guest was ended or powered itself off: `msb status " + name + "` says more";
}

void show_exec_failure(const std::string& command, const wire::ExecFailed& failed) {
    static constexpr const char* not_found_hint =
        "check the spelling, or that the image has this program on its PATH";
    std::vector<std::string> hints;
    hints.push_back(fmt::format("{}: {}{}", to_string(failed.kind), failed.message,
                                failed.errno_name ? " (" + *failed.errno_name + ")" : ""));
    switch (failed.kind) {
    case wire::ExecFailure::not_found: hints.emplace_back(not_found_hint); break;
    case wire::ExecFailure::permission_denied:
        hints.emplace_back("the file is not executable for this user (chmod +x)");
        break;
    case wire::ExecFailure::not_executable:
        hints.emplace_back("not a program for this machine, or a script without an interpreter");
        break;
    case wire::ExecFailure::bad_cwd:
        hints.emplace_back("choose another directory with --workdir");
        break;
    case wire::ExecFailure::user_setup_failed:
        hints.emplace_back("users come from the image's /etc/passwd; numeric ids always work");
        break;
    default: break;
    }
    print_error("failed to exec \"" + command + "\"", hints);
}

Result<ForegroundResult> run_foreground(EventLoop& loop, AgentClient& client, SignalWatch& signals,
                                        ForegroundOptions options) {
    return Foreground(loop, client, signals, std::move(options)).run();
}

} // namespace msb::cli
