#include "api/connection.hpp"

#include "api/host.hpp"

namespace msb::api {

namespace {
constexpr std::size_t most_idle = 4;

/// Whether the other end has not said goodbye meanwhile.
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
        lock.unlock();
        if (stands(connection))
            return connection;
    }
    return connect(cancel, timeout);
}

Outcome<Connection> ConnectionPool::connect(Cancel* cancel, std::chrono::milliseconds timeout) {
    const Home home = MSB_TRY(Home::from_environment());
    Host host(home, MSB_TRY(Installation::locate()));
    const auto view = MSB_TRY(about_sandbox(host.sandboxes().get(name_), name_));
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
    auto client = host.connect_agent(*connection.loop, name_, options);
    if (!client) {
        Failure failure = Failure(std::move(client).error()).of(name_);
        failure.boot = host.sandboxes().boot_error();
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
    if (idle_.size() < most_idle)
        idle_.push_back(std::move(connection));
}

} // namespace msb::api
