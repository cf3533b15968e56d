#include "cli/ssh_serve.hpp"

#include "api/ssh_files.hpp"
#include "base/process.hpp"
#include "base/system.hpp"
#include "client/forward_listener.hpp"

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

/// SIGWINCH ends nothing.
Status stop_at_signal(EventLoop& loop, Session& session) {
    return session.signals().attach(loop, [&loop](int number) {
        if (number != SIGWINCH)
            loop.stop();
    });
}

Status serve_stdio(Context& context, Session& session, EventLoop& loop, const SshServers& servers) {
    MSB_TRY(stop_at_signal(loop, session));
    const auto status = serve_ssh_client(loop, servers, STDIN_FILENO, STDOUT_FILENO);
    session.signals().detach();
    if (MSB_TRY(Result<int>(status)) != 0)
        context.exit_code = exit_failure; // it has said why
    return {};
}

/// Accepts clients at a port.
class PortServer {
  public:
    PortServer(EventLoop& loop, const SshServers& servers, ForwardSocket socket)
        : loop_(loop), servers_(servers), socket_(std::move(socket)) {}
    ~PortServer();
    Status start();

  private:
    void accept();
    void ended(std::list<Child>::iterator child);
    void listen(bool on);

    EventLoop& loop_;
    const SshServers& servers_;
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

Status serve_port(Session& session, EventLoop& loop, const SshServers& servers,
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
    MSB_TRY(stop_at_signal(loop, session));
    const Status ran = loop.run();
    session.signals().detach();
    return ran;
}

} // namespace

Status ssh_serve(Context& context, const SshServeOptions& options) {
    Session session = MSB_TRY(Session::open(context, options.stdio));
    const auto loop = MSB_TRY(EventLoop::create());
    const SandboxSpec spec = MSB_TRY(make_ready(session, *loop, options.name));
    const SshServers servers = MSB_TRY(
        SshServers::prepare(session.home(), MSB_TRY(context.installation()), spec, options.server));
    if (const std::size_t lines = servers.unreadable_keys(); lines > 0)
        print_warning(fmt::format("{} has {} that no key can be read from",
                                  SshFiles::authorized_keys_of(session.home()),
                                  lines == 1 ? "a line" : fmt::format("{} lines", lines)));
    return options.stdio ? serve_stdio(context, session, *loop, servers)
                         : serve_port(session, *loop, servers, options, spec.name);
}

} // namespace msb::cli
