#include "terminal/foreground.hpp"

#include "base/time.hpp"
#include "wire/exit_code.hpp"

#include <algorithm>
#include <csignal>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

/// How long a killed command may take to report its end.
constexpr auto kill_grace = 5s;
constexpr int interrupts_that_kill = 3;

class Foreground {
  public:
    Foreground(EventLoop& loop, AgentClient& client, SignalWatch* signals,
               ForegroundOptions options)
        : loop_(loop), client_(client), signals_(signals), options_(std::move(options)),
          out_(loop, STDOUT_FILENO), err_(loop, STDERR_FILENO),
          detach_keys_(options_.attach_terminal ? options_.detach_keys : Bytes()) {}

    Result<ForegroundResult> run();

  private:
    void start_session();
    void start_input();
    void handle_input(BytesView data);
    void handle_input_end();
    void handle_detached(const wire::SessionDetached& detached);
    void handle_signal(int number);
    void watch_agent(int number);
    void handle_output_change();
    void handle_stream_error(const Error& error);
    void leave(int exit_code);
    void time_out();
    void kill();
    void end(int exit_code);
    void look_at_size();

    EventLoop& loop_;
    AgentClient& client_;
    SignalWatch* signals_; ///< null: they are somebody else's
    ForegroundOptions options_;
    OutputPump out_;
    OutputPump err_;
    std::optional<RawTerminal> raw_;
    std::optional<ExecSession> session_;
    std::optional<InputPump> input_;
    DetachKeys detach_keys_;
    ForegroundResult result_;
    std::optional<std::uint32_t> ping_;
    std::optional<EventLoop::TimerId> size_timer_;
    int interrupts_ = 0;
    bool started_ = false;
    bool answer_due_ = false; ///< to ping_
    bool giving_up_ = false;
    bool insisted_ = false; ///< by another signal, before there was an answer
    bool ended_ = false;
    bool killed_ = false;
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
    if (signals_ != nullptr)
        MSB_TRY(signals_->attach(loop_, [this](int number) { handle_signal(number); }));
    else if (options_.attach_terminal)
        look_at_size();
    start_session();
    start_input();
    if (options_.timeout)
        loop_.after(*options_.timeout, [this] { time_out(); });
    const Status done = loop_.run();
    if (ping_)
        client_.release(*ping_);
    if (size_timer_)
        loop_.cancel(*size_timer_);
    if (signals_ != nullptr)
        signals_->detach();
    client_.on_closed({});
    client_.on_drained({});
    raw_.reset();
    MSB_TRY(Status(done));
    if (result_.timed_out || (result_.stream_error && !result_.gave_up))
        result_.exit_code = 1;
    else if (reader_gone_ && !result_.gave_up)
        result_.exit_code = 0; // the reader of our output has seen enough
    if (result_.timed_out || result_.gave_up || result_.stream_error || reader_gone_)
        result_.lost.reset();
    return std::move(result_);
}

/// Where SIGWINCH belongs to somebody else.
void Foreground::look_at_size() {
    constexpr auto look_again = 250ms;
    const auto size = window_size(STDIN_FILENO);
    if (session_ && size &&
        (size->rows != options_.request.rows || size->cols != options_.request.cols)) {
        options_.request.rows = size->rows;
        options_.request.cols = size->cols;
        session_->resize(size->rows, size->cols);
    }
    size_timer_ = loop_.after(look_again, [this] { look_at_size(); });
}

void Foreground::start_session() {
    ExecEvents events;
    events.started = [this](std::uint32_t) {
        started_ = true;
        result_.started_ns = monotonic_ns();
    };
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
        result_.failed = failed;
        end(wire::exit_code_of(failed));
    };
    events.broken = [this](const Error& error) {
        result_.lost = error;
        end(1);
    };
    events.attached = [this](const wire::SessionAttached& attached) {
        started_ = true;
        if (attached.lost_bytes > 0 && options_.output_lost)
            options_.output_lost(attached.lost_bytes);
    };
    events.detached = [this](const wire::SessionDetached& detached) { handle_detached(detached); };
    events.refused = [this](const wire::SessionFailed& refused) {
        result_.refused = refused;
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

void Foreground::start_input() {
    if (!options_.forward_stdin)
        return handle_input_end();
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
    input_->start();
}

void Foreground::handle_input(BytesView data) {
    // A raw terminal makes no signal of ^C, and the command does not run yet.
    constexpr std::uint8_t interrupt_key = 3;
    if (!started_ && options_.attach_terminal &&
        std::ranges::find(data, interrupt_key) != data.end())
        watch_agent(SIGINT);
    if (options_.detach_keys.empty() || !options_.attach_terminal)
        return session_->write_stdin(data);
    const Bytes passed = detach_keys_.filter(data);
    if (!passed.empty())
        session_->write_stdin(passed);
    if (detach_keys_.pressed())
        session_->detach();
}

void Foreground::handle_input_end() {
    if (input_ && input_->error())
        handle_stream_error(*input_->error());
    if (ended_)
        return;
    // Others may attach to this terminal, so the end of our input does not end it.
    if (!options_.attach || (options_.forward_stdin && !options_.request.tty))
        session_->close_stdin();
}

void Foreground::handle_detached(const wire::SessionDetached& detached) {
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
    if (options_.attach && (number == SIGHUP || number == SIGTERM))
        return leave(128 + number);
    watch_agent(number);
    if (number == SIGINT && ++interrupts_ >= interrupts_that_kill)
        return kill();
    if (number != SIGINT)
        interrupts_ = 0;
    session_->signal(number);
}

/// A signal to us must not be without effect because the agent does not answer: the agent has
/// kill_grace to show that it lives. If it does, it and its command may take their time. While the
/// command has not started an answer is not enough. If nobody takes our output, an answer cannot
/// reach us, so only a second signal ends us.
void Foreground::watch_agent(int number) {
    const bool asked_before = std::exchange(answer_due_, true);
    if (!ping_)
        ping_ = client_.open_id(
            [this](const wire::Frame&, const wire::Envelope&) { answer_due_ = insisted_ = false; });
    if (!asked_before)
        client_.send(*ping_, wire::Ping{});
    insisted_ = insisted_ || asked_before;
    if (std::exchange(giving_up_, true))
        return;
    loop_.after(kill_grace, [this, number] {
        giving_up_ = false;
        const bool deaf = out_.full() || err_.full();
        if (ended_ || (started_ && (!answer_due_ || (deaf && !insisted_))))
            return;
        result_.gave_up = true;
        leave(128 + number);
    });
}

/// One of our streams failed: the command gets the end of its input, or can write no more, and the
/// result is an error.
void Foreground::handle_stream_error(const Error& error) {
    if (!result_.stream_error)
        result_.stream_error = error;
    if (options_.attach)
        leave(1);
}

/// Ends at once, without waiting.
void Foreground::leave(int exit_code) {
    end(exit_code);
    loop_.stop();
}

void Foreground::handle_output_change() {
    for (const OutputPump* pump : {&out_, &err_}) {
        if (!pump->broken())
            continue;
        if (!pump->reader_gone())
            handle_stream_error(*pump->error());
        if (ended_ || std::exchange(reader_gone_, true))
            continue;
        if (options_.attach)
            leave(0);
        else
            kill();
    }
    client_.pause_reading(out_.full() || err_.full());
    if (ended_ && out_.empty() && err_.empty())
        loop_.stop();
}

void Foreground::time_out() {
    if (ended_)
        return;
    result_.timed_out = true;
    kill();
}

void Foreground::kill() {
    if (std::exchange(killed_, true))
        return;
    session_->signal(SIGKILL);
    // Do so even if nobody reads our output: a full pipe must not keep us when the command was
    // killed.
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

Result<ForegroundResult> run_attached(EventLoop& loop, AgentClient& client, SignalWatch* signals,
                                      ForegroundOptions options) {
    return Foreground(loop, client, signals, std::move(options)).run();
}

} // namespace msb
