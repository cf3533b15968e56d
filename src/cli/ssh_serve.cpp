#include "cli/ssh_serve.hpp"

#include "base/process.hpp"
#include "base/system.hpp"
#include "cli/ssh_files.hpp"
#include "client/forward_listener.hpp"
#include "ssh/job.hpp"

#include <csignal>
#include <fmt/format.h>
#include <list>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

/// At once; more wait to be accepted. Each may keep us waiting for a minute before it has shown a
/// key, and two of the sandbox's 128 clients.
constexpr std::size_t max_clients = 32;
constexpr auto server_end_time = 5s;

/// Starts servers, which are all alike.
class Servers {
  public:
    static Result<Servers> prepare(Context& context, Session& session, const SandboxSpec& spec,
                                   std::chrono::milliseconds inactivity);
    /// One for a client's stream.
    Result<Child> start(int client) const;

  private:
    Servers(std::string program, std::string agent, std::string job)
        : program_(std::move(program)), agent_(std::move(agent)), job_(std::move(job)) {}
    std::string program_;
    std::string agent_; ///< the sandbox's agent socket
    std::string job_;
};

Result<Servers> Servers::prepare(Context& context, Session& session, const SandboxSpec& spec,
                                 std::chrono::milliseconds inactivity) {
    const SshFiles files = MSB_TRY(SshFiles::open(context));
    ssh::Job job{.host_key = MSB_TRY(files.host_key()),
                 .authorized = MSB_TRY(files.authorized()),
                 .shell = spec.shell,
                 .workdir = spec.workdir.empty() ? "/" : spec.workdir,
                 .inactivity_ms = static_cast<std::uint64_t>(inactivity.count())};
    for (const auto& [key, value] : spec.env)
        job.env.push_back(key + "=" + value);
    return Servers(files.server(), session.home().agent_socket(spec.name), job.to_json());
}

Result<Child> Servers::start(int client) const {
    constexpr auto connect_time = 10s;
    const OwnedFd job = MSB_TRY(sys::memfd("ssh-job", as_bytes(job_)));
    const OwnedFd commands = MSB_TRY(sys::unix_connect(agent_, connect_time));
    const OwnedFd others = MSB_TRY(sys::unix_connect(agent_, connect_time));
    return spawn({.argv = {program_},
                  .fds = {{2, STDERR_FILENO},
                          {ssh::job_fd, job.get()},
                          {ssh::client_fd, client},
                          {ssh::command_agent_fd, commands.get()},
                          {ssh::other_agent_fd, others.get()}}});
}

/// Starts the sandbox if it has to, and leaves it running: the next connection finds it so.
Result<SandboxSpec> make_ready(Session& session, EventLoop& loop, const std::string& name) {
    auto view = session.sandboxes().get(name);
    // `ssh NAME.msb` passes on the name as it was typed.
    constexpr std::string_view suffix = ".msb";
    if (!view && view.error().kind() == ErrorKind::not_found && name.ends_with(suffix))
        view = session.sandboxes().get(name.substr(0, name.size() - suffix.size()));
    if (!view)
        return fail(std::move(view).error());
    MSB_TRY(session.start_if_stopped(*view, session.launch_options()));
    // Waits for one that is just coming up, and says why it does not.
    MSB_TRY(session.connect_agent(loop, view->spec.name));
    return view->spec;
}

/// Our stdin and stdout, between a client and its server.
class StdioBridge {
  public:
    StdioBridge(EventLoop& loop, OwnedFd reading, OwnedFd writing);
    void start();

  private:
    void written();

    EventLoop& loop_;
    OwnedFd reading_; ///< two numbers of one socket, because a loop watches each once
    OwnedFd writing_;
    bool server_done_ = false;
    bool client_done_ = false;
    OutputPump to_server_;
    OutputPump to_client_;
    InputPump from_client_;
    InputPump from_server_;
};

StdioBridge::StdioBridge(EventLoop& loop, OwnedFd reading, OwnedFd writing)
    : loop_(loop), reading_(std::move(reading)), writing_(std::move(writing)),
      to_server_(loop, writing_.get()), to_client_(loop, STDOUT_FILENO),
      from_client_(loop, STDIN_FILENO,
                   InputPump::Events{
                       .data = [this](BytesView data) { to_server_.write(data); },
                       .end =
                           [this] {
                               client_done_ = true;
                               written();
                           },
                       .has_room = [this] { return !to_server_.full(); },
                   }),
      from_server_(loop, reading_.get(),
                   InputPump::Events{
                       .data = [this](BytesView data) { to_client_.write(data); },
                       .end =
                           [this] {
                               server_done_ = true;
                               written();
                           },
                       .has_room = [this] { return !to_client_.full(); },
                   }) {
    to_server_.on_change = [this] { written(); };
    to_client_.on_change = [this] { written(); };
}

void StdioBridge::start() {
    from_client_.start();
    from_server_.start();
}

void StdioBridge::written() {
    if (to_client_.broken() || to_server_.broken() || (server_done_ && to_client_.empty()))
        return loop_.stop();
    if (client_done_ && to_server_.empty())
        (void)::shutdown(writing_.get(), SHUT_WR);
    from_client_.resume();
    from_server_.resume();
}

Status run_until_signal(EventLoop& loop, Session& session) {
    MSB_TRY(session.signals().attach(loop, [&loop](int number) {
        if (number != SIGWINCH)
            loop.stop();
    }));
    const Status ran = loop.run();
    session.signals().detach();
    return ran;
}

Status serve_stdio(Context& context, Session& session, EventLoop& loop, const Servers& servers) {
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_STREAM));
    Child server = MSB_TRY(servers.start(sockets[1].get()));
    sockets[1].reset();
    OwnedFd twin = MSB_TRY(sys::dup(sockets[0].get()));
    {
        StdioBridge bridge(loop, std::move(twin), std::move(sockets[0]));
        bridge.start();
        MSB_TRY(run_until_signal(loop, session));
    }
    const auto status = MSB_TRY(server.wait(server_end_time));
    if (status && *status != 0)
        context.exit_code = exit_failure; // it has said why
    return {};
}

/// Accepts clients at a port.
class PortServer {
  public:
    PortServer(EventLoop& loop, const Servers& servers, ForwardSocket socket)
        : loop_(loop), servers_(servers), socket_(std::move(socket)) {}
    ~PortServer();
    Status start();

  private:
    void accept();
    void ended(std::list<Child>::iterator child);
    void listen(bool on);

    EventLoop& loop_;
    const Servers& servers_;
    ForwardSocket socket_;
    std::list<Child> children_;
    bool listening_ = false;
};

PortServer::~PortServer() {
    listen(false);
    for (Child& child : children_) {
        loop_.unwatch(child.pidfd());
        (void)child.signal(SIGKILL);
        (void)child.wait(server_end_time);
    }
}

Status PortServer::start() {
    listen(true);
    return listening_ ? Status() : fail(ErrorKind::system, "cannot wait for clients");
}

void PortServer::listen(bool on) {
    if (on && !listening_)
        listening_ =
            loop_.watch(socket_.fd(), EPOLLIN, [this](std::uint32_t) { accept(); }).has_value();
    else if (!on && std::exchange(listening_, false))
        loop_.unwatch(socket_.fd());
}

void PortServer::accept() {
    std::string peer;
    const OwnedFd client = socket_.accept(peer);
    if (!client)
        return;
    const int on = 1;
    (void)::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    auto child = servers_.start(client.get());
    if (!child)
        return print_warning("connection from " + peer + ": " + child.error().to_string());
    children_.push_back(std::move(*child));
    const auto last = std::prev(children_.end());
    if (!loop_.watch(last->pidfd(), EPOLLIN, [this, last](std::uint32_t) { ended(last); })) {
        (void)last->signal(SIGKILL);
        (void)last->wait(server_end_time);
        children_.pop_back();
    }
    listen(children_.size() < max_clients);
}

void PortServer::ended(std::list<Child>::iterator child) {
    loop_.unwatch(child->pidfd());
    (void)child->wait(server_end_time);
    children_.erase(child);
    listen(true);
}

Status serve_port(Session& session, EventLoop& loop, const Servers& servers,
                  const SshServeOptions& options, const std::string& name) {
    ForwardListen where;
    where.address = options.host;
    where.port = static_cast<std::uint16_t>(options.port);
    ForwardSocket socket = MSB_TRY(ForwardSocket::listen(where));
    where = socket.where(); // with the port that was chosen
    PortServer server(loop, servers, std::move(socket));
    MSB_TRY(server.start());
    if (!print(where.to_string() + " -> " + name + "\n"))
        return fail(*print_failure());
    if (!where.address.starts_with("127.") && where.address != "::1")
        print_warning(where.to_string() + " can be reached from other machines");
    return run_until_signal(loop, session);
}

} // namespace

Status ssh_serve(Context& context, const SshServeOptions& options) {
    Session session = MSB_TRY(Session::open(context, options.stdio));
    const auto loop = MSB_TRY(EventLoop::create());
    const SandboxSpec spec = MSB_TRY(make_ready(session, *loop, options.name));
    const Servers servers = MSB_TRY(Servers::prepare(context, session, spec, options.inactivity));
    return options.stdio ? serve_stdio(context, session, *loop, servers)
                         : serve_port(session, *loop, servers, options, spec.name);
}

} // namespace msb::cli
