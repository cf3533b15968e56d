#include "api/exec.hpp"

#include "wire/exit_code.hpp"

#include <csignal>

namespace msb::api {

namespace {

using namespace std::chrono_literals;

/// Most output that waits to be taken; beyond it the connection is not read.
constexpr std::size_t most_queued = std::size_t{4} << 20;
/// Most input that is sent at once; the next piece waits until there is room.
constexpr std::size_t write_piece = std::size_t{1} << 20;
/// How long a killed command may take to report its end.
constexpr auto kill_grace = 5s;
constexpr auto longest_round = 1s;
/// How long a thread waits while another runs the loop. It is woken when there is news; this bounds
/// the wait if the wake-up came a moment too early.
constexpr auto look_again = 100ms;

template <typename... Handlers> struct Overloaded : Handlers... {
    using Handlers::operator()...;
};

} // namespace

Outcome<std::shared_ptr<Exec>> Exec::start(std::shared_ptr<ConnectionPool> pool, Command command,
                                           Cancel* cancel) {
    auto connection = MSB_TRY(pool->take(cancel));
    std::shared_ptr<Exec> exec(new Exec(std::move(pool), std::move(connection)));
    command.request.flow = true;
    exec->begin(command);
    return exec;
}

Exec::~Exec() {
    (void)connection_.loop->run_once({}); // what was posted refers to us
    if (timer_)
        connection_.loop->cancel(*timer_);
    session_.reset();
    connection_.client->on_closed({});
    connection_.client->on_drained({});
    if (ended_ && !paused_)
        pool_->put_back(std::move(connection_));
}

void Exec::begin(const Command& command) {
    AgentClient& client = *connection_.client;
    client.on_closed([this](const Error& error) {
        lose(Failure(FailureKind::session_lost,
                     Error(error).wrap("the sandbox ended before the command")));
    });
    client.on_drained([this] { update_room(); });
    session_.emplace(client, command.request, events());
    session_->write_stdin(command.input);
    if (!command.stdin_pipe)
        session_->close_stdin();
    if (command.timeout)
        timer_ = connection_.loop->after(*command.timeout,
                                         [this, timeout = *command.timeout] { time_out(timeout); });
}

ExecEvents Exec::events() {
    ExecEvents events;
    events.started = [this](std::uint32_t pid) { push(ExecStarted{pid}); };
    events.out = [this](BytesView data) { push(ExecOutput{false, {data.begin(), data.end()}}); };
    events.err = [this](BytesView data) { push(ExecOutput{true, {data.begin(), data.end()}}); };
    events.stdin_error = [this](const wire::ExecStdinError& error) { push(error); };
    events.exited = [this](const wire::ExecExited& exited) {
        finish(ExecEnd{wire::exit_code_of(exited), exited.signal});
    };
    events.failed = [this](const wire::ExecFailed& failed) { finish(failed); };
    events.broken = [this](const Error& error) { lose(Failure(Error(error))); };
    events.input_room = [this] { update_room(); };
    return events;
}

void Exec::push(ExecEvent event) {
    const std::lock_guard lock(mutex_);
    if (const auto* output = std::get_if<ExecOutput>(&event)) {
        queued_bytes_ += output->data.size();
        if (queued_bytes_ > most_queued && !std::exchange(paused_, true))
            connection_.client->pause_reading(true);
    }
    queue_.push_back(std::move(event));
}

void Exec::finish(ExecEvent event) {
    const std::lock_guard lock(mutex_);
    if (failure_)
        return;
    ended_ = true;
    input_room_ = true;
    if (timed_out_)
        fail_timed_out();
    else
        queue_.push_back(std::move(event));
}

void Exec::fail_timed_out() {
    failure_ = Failure(FailureKind::exec_timeout,
                       "exec timed out after " + std::to_string(timed_out_->count()) + " ms");
    failure_->timeout = timed_out_;
}

void Exec::lose(Failure failure) {
    const std::lock_guard lock(mutex_);
    if (ended_ || failure_)
        return;
    failure_ = std::move(failure);
    input_room_ = true;
}

void Exec::time_out(std::chrono::milliseconds timeout) {
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || failure_)
            return;
        timed_out_ = timeout;
    }
    session_->signal(SIGKILL);
    timer_ = connection_.loop->after(kill_grace, [this] {
        const std::lock_guard lock(mutex_);
        if (ended_ || failure_)
            return;
        input_room_ = true;
        fail_timed_out();
    });
}

void Exec::update_room() {
    const bool room =
        session_->wants_input() && connection_.client->queued() <= AgentClient::high_water;
    const std::lock_guard lock(mutex_);
    input_room_ = room || ended_ || failure_;
}

template <typename Ready> Outcome<void> Exec::drive(Cancel* cancel, Ready ready) {
    const Cancel::Wake wake(cancel, [this] {
        connection_.loop->post([] {});
        changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    while (!ready()) {
        if (closed_)
            return fail(FailureKind::invalid_handle, "the command's handle was closed");
        if (cancel != nullptr && cancel->triggered())
            return fail(FailureKind::cancelled, "cancelled");
        if (driven_) {
            changed_.wait_for(lock, look_again);
            continue;
        }
        driven_ = true;
        lock.unlock();
        const Status ran = connection_.loop->run_once(longest_round);
        lock.lock();
        driven_ = false;
        changed_.notify_all();
        MSB_TRY(Status(ran));
    }
    return {};
}

Outcome<void> Exec::perform(std::function<void()> task, Cancel* cancel) {
    auto done = std::make_shared<bool>(false);
    connection_.loop->post([this, done, task = std::move(task)] {
        task();
        const std::lock_guard lock(mutex_);
        *done = true;
    });
    return drive(cancel, [&] { return *done; });
}

Outcome<ExecEvent> Exec::next(Cancel* cancel) {
    ExecEvent event;
    bool resume = false;
    MSB_TRY(drive(cancel, [&] {
        if (queue_.empty())
            return ended_ || failure_.has_value();
        event = std::move(queue_.front());
        queue_.pop_front();
        if (const auto* output = std::get_if<ExecOutput>(&event))
            queued_bytes_ -= output->data.size();
        resume = paused_ && queued_bytes_ <= most_queued / 2;
        if (resume)
            paused_ = false;
        return true;
    }));
    if (resume)
        connection_.loop->post([this] { connection_.client->pause_reading(false); });
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<std::monostate>(event) && failure_)
        return fail(Failure(*failure_));
    return event;
}

Outcome<void> Exec::write(BytesView data, Cancel* cancel) {
    const auto over = [this] {
        const std::lock_guard lock(mutex_);
        return ended_ || failure_;
    };
    while (!data.empty() && !over()) {
        const BytesView piece = data.first(std::min(data.size(), write_piece));
        data = data.subspan(piece.size());
        MSB_TRY(drive(cancel, [this] { return input_room_; }));
        MSB_TRY(perform(
            [this, piece = Bytes(piece.begin(), piece.end())] {
                session_->write_stdin(piece);
                update_room();
            },
            cancel));
    }
    return drive(cancel, [this] { return input_room_; });
}

Outcome<void> Exec::close_stdin(Cancel* cancel) {
    return perform([this] { session_->close_stdin(); }, cancel);
}

Outcome<void> Exec::signal(int number, Cancel* cancel) {
    return perform([this, number] { session_->signal(number); }, cancel);
}

Outcome<void> Exec::resize(std::uint16_t rows, std::uint16_t cols, Cancel* cancel) {
    return perform([this, rows, cols] { session_->resize(rows, cols); }, cancel);
}

void Exec::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    connection_.loop->post([] {});
    changed_.notify_all();
}

Outcome<Collected> collect(Exec& exec, std::size_t max_output, Cancel* cancel) {
    Collected collected;
    std::optional<Failure> failure;
    bool ended = false;
    const auto take = [&](ExecOutput&& output) {
        if (collected.out.size() + collected.err.size() + output.data.size() > max_output) {
            failure =
                Failure(FailureKind::limit_exceeded,
                        "the command wrote more than " + std::to_string(max_output) + " bytes");
            return;
        }
        Bytes& to = output.error ? collected.err : collected.out;
        to.insert(to.end(), output.data.begin(), output.data.end());
    };
    while (!ended && !failure) {
        auto event = exec.next(cancel);
        if (!event)
            return fail(std::move(event).error());
        std::visit(Overloaded{[&](std::monostate) { ended = true; }, [](const ExecStarted&) {},
                              [&](ExecOutput& output) { take(std::move(output)); },
                              [](const wire::ExecStdinError&) {},
                              [&](const ExecEnd& end) {
                                  collected.end = end;
                                  ended = true;
                              },
                              [&](const wire::ExecFailed& failed) {
                                  failure = Failure(FailureKind::exec_failed, failed.message);
                                  failure->exec = failed;
                              }},
                   *event);
    }
    if (failure)
        return fail(std::move(*failure));
    return collected;
}

} // namespace msb::api
