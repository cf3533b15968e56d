#include "agent/serve/server.hpp"

#include "agent/exec/launch.hpp"
#include "agent/serve/client.hpp"
#include "base/system.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb::agent {

namespace {
/// Children reaped in one round, so that a flood of orphans does not starve the clients.
constexpr int reap_batch = 128;
} // namespace

Server::Server(EventLoop& loop, ServerConfig config)
    : loop_(loop), config_(std::move(config)), workers_(loop),
      mailbox_(std::make_shared<Mailbox>(loop)) {}

Server::~Server() {
    clients_.clear();
    kept_.clear();
    mailbox_->close();
    for (const auto& [fd, launch] : adopted_) {
        loop_.unwatch(fd);
        // The child may still run in our memory.
        ::kill(launch->pid(), SIGKILL);
        while (launch->poll() == Launch::State::pending)
            (void)sys::wait_for(fd, EPOLLIN, std::chrono::milliseconds(10));
    }
    if (signals_)
        loop_.unwatch(signals_.get());
}

Result<std::unique_ptr<Server>> Server::create(EventLoop& loop, ServerConfig config) {
    std::unique_ptr<Server> server(new Server(loop, std::move(config)));
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    if (server->config_.beside_init)
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
    MSB_TRY(loop_.run_once(timeout));
    flush();
    drop_clients();
    return {};
}

void Server::add_client(OwnedFd socket) {
    if (clients_.size() >= max_clients)
        return;
    auto client = std::make_unique<Client>(*this, std::move(socket));
    if (client->start())
        clients_.emplace(client.get(), std::move(client));
}

void Server::request_shutdown(const wire::Shutdown& request) {
    stopping_ = true;
    if (on_shutdown)
        on_shutdown(request);
}

bool Server::drained() const {
    if (!draining_)
        return false;
    const wire::Heartbeat now = activity();
    return now.active_exec_sessions == 0 && now.active_fs_streams == 0;
}

std::string_view Server::refusal() const {
    if (stopping_)
        return "the sandbox is stopping";
    return draining_ ? "the sandbox is draining: it takes no new commands" : "";
}

void Server::signal_sessions() {
    for (const auto& [client, owner] : clients_)
        client->signal_sessions();
    kept_.stop_all(config_.stop_signal);
}

void Server::end_file_operations() {
    for (const auto& [client, owner] : clients_)
        client->end_file_operations();
}

void Server::flush() {
    std::vector<Client*> dirty;
    dirty.swap(dirty_);
    for (Client* client : dirty)
        client->flush();
}

std::pair<std::uint64_t, std::size_t> Server::output_state() const {
    std::size_t unsent = 0;
    for (const auto& [client, owner] : clients_)
        unsent += client->unsent();
    return {counters_.exec_output_bytes, unsent};
}

void Server::mark_dirty(Client& client) {
    dirty_.push_back(&client);
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

void Server::adopt(std::unique_ptr<Launch> launch) {
    if (launch->poll() != Launch::State::pending)
        return;
    const int fd = launch->report_fd();
    Launch* raw = launch.get();
    adopted_.emplace(fd, std::move(launch));
    (void)loop_.watch(fd, EPOLLIN, [this, fd, raw](std::uint32_t) {
        if (raw->poll() == Launch::State::pending)
            return;
        loop_.unwatch(fd);
        adopted_.erase(fd);
    });
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
    reap();
}

void Server::reap() {
    for (int i = 0; i < reap_batch; ++i) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        const auto found = sessions_.find(pid);
        if (found == sessions_.end())
            continue; // an orphan that became ours, or a command whose client left
        Session* session = found->second;
        sessions_.erase(found);
        session->on_exit(status);
    }
    loop_.post([this] { reap(); });
}

/// The agent is the last to be taken when memory is short; what it starts is not.
void Server::child_executed(pid_t pid) const {
    if (!config_.beside_init)
        return;
    if (const auto score = sys::open("/proc/" + std::to_string(pid) + "/oom_score_adj", O_WRONLY))
        (void)sys::write_all(score->get(), as_bytes("0"));
}

void Server::count_host_message(bool is_activity) {
    ++counters_.host_messages;
    if (is_activity)
        ++activity_seq_;
}

void Server::count_guest_message(bool is_activity) {
    ++counters_.guest_messages;
    if (is_activity)
        ++activity_seq_;
}

std::uint64_t Server::take_session_number(std::uint64_t announced) {
    if (announced > last_session_)
        last_session_ = announced;
    else if (announced == 0 || has_session(announced))
        announced = ++last_session_;
    return announced;
}

bool Server::has_session(std::uint64_t number) const {
    const auto sessions = list_sessions();
    return std::ranges::find(sessions, number, &wire::SessionInfo::session) != sessions.end();
}

Session* Server::find_session(std::uint64_t number) {
    if (KeptSession* kept = kept_.find(number))
        return kept->session();
    for (const auto& [client, owner] : clients_)
        if (Session* session = client->find_session(number))
            return session;
    return nullptr;
}

std::vector<wire::SessionInfo> Server::list_sessions() const {
    std::vector<wire::SessionInfo> sessions;
    kept_.list(sessions);
    for (const auto& [client, owner] : clients_)
        client->list_sessions(sessions);
    std::ranges::sort(sessions, {}, &wire::SessionInfo::session);
    return sessions;
}

wire::Heartbeat Server::heartbeat() {
    wire::Heartbeat heartbeat = activity();
    heartbeat.timestamp = static_cast<std::uint64_t>(unix_time_ns());
    // Noticed here, not at each message: reading the clock costs as much as receiving one.
    if (std::exchange(told_activity_seq_, activity_seq_) != activity_seq_)
        last_activity_ns_ = heartbeat.timestamp;
    heartbeat.last_activity = last_activity_ns_;
    return heartbeat;
}

wire::Heartbeat Server::activity() const {
    wire::Heartbeat heartbeat;
    heartbeat.active_exec_sessions = static_cast<std::uint32_t>(kept_.live_count());
    heartbeat.activity_seq = activity_seq_;
    for (const auto& [client, owner] : clients_) {
        heartbeat.active_exec_sessions += static_cast<std::uint32_t>(client->session_count());
        heartbeat.active_tcp_streams += static_cast<std::uint32_t>(client->tcp_count());
        heartbeat.active_fs_streams += client->file_stream_count();
    }
    heartbeat.activity_counters = counters_;
    return heartbeat;
}

} // namespace msb::agent
