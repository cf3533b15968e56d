#include "agent/serve/server.hpp"

#include "agent/serve/client.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <csignal>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace msb::agent {

Server::Server(EventLoop& loop, Config config) : services_(loop, std::move(config)) {}

Server::~Server() {
    clients_.clear();
    sessions_.kept().clear();
    if (signals_)
        loop().unwatch(signals_.get());
}

Result<std::unique_ptr<Server>> Server::create(EventLoop& loop, Config config) {
    std::unique_ptr<Server> server(new Server(loop, std::move(config)));
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    if (server->services_.config.beside_init)
        sigaddset(&signals, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    server->signals_ = OwnedFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!server->signals_)
        return fail_errno("signalfd");
    MSB_TRY(loop.watch(server->signals_.get(), EPOLLIN,
                       [raw = server.get()](std::uint32_t) { raw->take_signals(); }));
    return server;
}

Status Server::step(EventLoop::Clock::duration timeout) {
    MSB_TRY(loop().run_once(timeout));
    flush();
    drop_clients();
    return {};
}

void Server::take_signals() {
    signalfd_siginfo signals[8];
    const ssize_t size = ::read(signals_.get(), signals, sizeof(signals));
    const auto count = static_cast<std::size_t>(std::max<ssize_t>(size, 0)) / sizeof(signals[0]);
    const auto end = signals + count;
    if (on_terminate && std::any_of(signals, end, [](const signalfd_siginfo& signal) {
            return signal.ssi_signo == SIGTERM;
        }))
        on_terminate();
    children_.reap();
}

// --- clients ------------------------------------------------------------------------------------

void Server::add_client(OwnedFd socket) {
    if (clients_.size() >= max_clients)
        return;
    auto client = std::make_unique<Client>(*this, std::move(socket));
    if (client->start())
        clients_.emplace(client.get(), std::move(client));
}

void Server::mark_dirty(Client& client) {
    dirty_.push_back(&client);
}

void Server::flush() {
    std::vector<Client*> dirty;
    dirty.swap(dirty_);
    for (Client* client : dirty)
        client->flush();
}

void Server::drop_later(Client& client) {
    dropped_.push_back(&client);
}

void Server::drop_clients() {
    for (Client* client : std::exchange(dropped_, {})) {
        std::erase(dirty_, client);
        clients_.erase(client);
    }
}

// --- the end ------------------------------------------------------------------------------------

void Server::request_shutdown(const wire::Shutdown& request) {
    services_.stopping = true;
    if (on_shutdown)
        on_shutdown(request);
}

bool Server::drained() const {
    if (!services_.draining)
        return false;
    const wire::Heartbeat now = activity();
    return now.active_exec_sessions == 0 && now.active_fs_streams == 0;
}

void Server::end_file_operations() {
    for (const auto& [client, owner] : clients_)
        client->end_file_operations();
}

bool Server::has_file_operations() const {
    return services_.file_threads->busy_count() + services_.connect_threads->busy_count() > 0;
}

// --- what goes on -------------------------------------------------------------------------------

std::pair<std::uint64_t, std::size_t> Server::output_state() const {
    std::size_t unsent = 0;
    for (const auto& [client, owner] : clients_)
        unsent += client->unsent();
    return {services_.activity.counters().exec_output_bytes, unsent};
}

wire::Heartbeat Server::heartbeat() {
    wire::Heartbeat heartbeat = activity();
    heartbeat.timestamp = static_cast<std::uint64_t>(unix_time_ns());
    heartbeat.last_activity = services_.activity.last_time(heartbeat.timestamp);
    return heartbeat;
}

wire::Heartbeat Server::activity() const {
    wire::Heartbeat heartbeat;
    heartbeat.active_exec_sessions = static_cast<std::uint32_t>(sessions_.live_count());
    heartbeat.activity_seq = services_.activity.sequence();
    for (const auto& [client, owner] : clients_) {
        heartbeat.active_tcp_streams += static_cast<std::uint32_t>(client->tcp_count());
        heartbeat.active_fs_streams += client->file_stream_count();
    }
    heartbeat.activity_counters = services_.activity.counters();
    return heartbeat;
}

} // namespace msb::agent
