#include "api/connection.hpp"

#include "api/launcher.hpp"

#include <atomic>

namespace msb::api {

namespace {
constexpr std::size_t most_idle = 4;
/// Idle connections in all pools: a sandbox takes 128 clients, and idle ones must leave room.
constexpr int most_idle_of_process = 32;
std::atomic<int> idle_of_process = 0;

/// Whether the other end is still connected.
bool stands(Connection& connection) {
    bool closed = false;
    connection.client->on_closed([&](const Error&) { closed = true; });
    const Status looked = connection.loop->run_once({});
    connection.client->on_closed({});
    return looked && !closed;
}
} // namespace

Outcome<Connection> ConnectionPool::take(Cancel* cancel, std::chrono::milliseconds timeout) {
    for (;;) {
        std::unique_lock lock(mutex_);
        if (idle_.empty())
            break;
        Connection connection = std::move(idle_.back());
        idle_.pop_back();
        --idle_of_process;
        lock.unlock();
        if (stands(connection))
            return connection;
    }
    return connect(cancel, timeout);
}

Outcome<Connection> ConnectionPool::connect(Cancel* cancel, std::chrono::milliseconds timeout) {
    const Home home = MSB_TRY(Home::from_environment());
    Launcher launcher(home, MSB_TRY(Installation::locate()));
    const auto view = MSB_TRY(about_sandbox(launcher.sandboxes().get(name_), name_));
    if (created_at_ns_ != 0 && view.spec.created_at_ns != created_at_ns_)
        return fail(Failure(FailureKind::not_running,
                            "sandbox '" + name_ + "' is gone: another one has its name now")
                        .of(name_));
    if (!is_active(view.state.status))
        return fail(
            Failure(FailureKind::not_running, "sandbox '" + name_ + "' is not running (status: " +
                                                  std::string(to_string(view.state.status)) + ")")
                .of(name_));
    Connection connection;
    connection.loop = MSB_TRY(EventLoop::create());
    ConnectOptions options;
    options.connect_timeout = timeout;
    options.handshake_timeout = timeout;
    options.cancelled = [cancel] { return cancel != nullptr && cancel->triggered(); };
    auto client = launcher.connect_agent(*connection.loop, name_, options);
    if (!client) {
        Failure failure = Failure(std::move(client).error()).of(name_);
        failure.boot = launcher.sandboxes().boot_error();
        if (failure.boot && failure.kind != FailureKind::cancelled)
            failure.kind = FailureKind::boot_start;
        return fail(std::move(failure));
    }
    connection.client = std::move(*client);
    connection.guard = ForkGuard(connection.client->socket());
    return connection;
}

void ConnectionPool::put_back(Connection connection) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() >= most_idle)
        return;
    if (++idle_of_process > most_idle_of_process)
        --idle_of_process;
    else
        idle_.push_back(std::move(connection));
}

ConnectionPool::~ConnectionPool() {
    idle_of_process -= static_cast<int>(idle_.size());
}

} // namespace msb::api
