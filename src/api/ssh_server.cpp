#include "api/ssh_server.hpp"

#include "api/open_launcher.hpp"
#include "api/ssh_files.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "ssh/job.hpp"
#include "terminal/terminal.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr auto server_end_time = 5s;
constexpr std::size_t largest_key_file = std::size_t{1} << 20;

/// Two of our descriptors, between a client and its server.
class Bridge {
  public:
    Bridge(EventLoop& loop, OwnedFd reading, OwnedFd writing, int input, int output);
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

Bridge::Bridge(EventLoop& loop, OwnedFd reading, OwnedFd writing, int input, int output)
    : loop_(loop), reading_(std::move(reading)), writing_(std::move(writing)),
      to_server_(loop, writing_.get()), to_client_(loop, output),
      from_client_(loop, input,
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

void Bridge::start() {
    from_client_.start();
    from_server_.start();
}

void Bridge::written() {
    if (to_client_.broken() || to_server_.broken() || (server_done_ && to_client_.empty()))
        return loop_.stop();
    if (client_done_ && to_server_.empty())
        (void)::shutdown(writing_.get(), SHUT_WR);
    from_client_.resume();
    from_server_.resume();
}

/// What was given, or what this MSB_HOME has.
Result<std::vector<std::string>> keys_of(const SshFiles& files, const std::string& path,
                                         std::size_t& unreadable) {
    if (path.empty())
        return files.authorized(unreadable);
    std::vector<std::string> lines;
    for (const ssh::PublicKey& key :
         ssh::parse_authorized_keys(MSB_TRY(read_regular_file(path, largest_key_file)), unreadable))
        lines.push_back(key.to_string());
    if (lines.empty())
        return fail(ErrorKind::permission_denied, "no key is authorized: there is none in " + path);
    return lines;
}

} // namespace

Result<SshServers> SshServers::prepare(const Home& home, const Installation& installation,
                                       const SandboxSpec& spec, const SshOptions& options) {
    const SshFiles files = MSB_TRY(SshFiles::open(home, installation));
    std::size_t unreadable = 0;
    ssh::Job job{.host_key =
                     options.host_key_path.empty()
                         ? MSB_TRY(files.host_key())
                         : MSB_TRY(read_regular_file(options.host_key_path, largest_key_file)),
                 .authorized = MSB_TRY(keys_of(files, options.authorized_keys_path, unreadable)),
                 .shell = spec.shell,
                 .workdir = spec.workdir.empty() ? "/" : spec.workdir,
                 .user = options.user,
                 .sftp = options.sftp,
                 .inactivity_ms = static_cast<std::uint64_t>(options.inactivity.count())};
    for (const auto& [key, value] : spec.env)
        job.env.push_back(key + "=" + value);
    return SshServers(files.server(), home.agent_socket(spec.name), job.to_json(), unreadable);
}

Result<Child> SshServers::start(int client) const {
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

Result<int> serve_ssh_client(EventLoop& loop, const SshServers& servers, int input, int output) {
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_STREAM));
    Child server = MSB_TRY(servers.start(sockets[1].get()));
    sockets[1].reset();
    OwnedFd twin = MSB_TRY(sys::dup(sockets[0].get()));
    // A loop watches each number once, so that one descriptor for both ways needs another name.
    const OwnedFd out = input == output ? MSB_TRY(sys::dup(output)) : OwnedFd();
    {
        Bridge bridge(loop, std::move(twin), std::move(sockets[0]), input,
                      out ? out.get() : output);
        bridge.start();
        MSB_TRY(loop.run());
    }
    const auto status = MSB_TRY(server.wait(server_end_time));
    return status.value_or(0);
}

namespace api {

Outcome<std::shared_ptr<SshServer>> SshServer::prepare(const Sandbox& sandbox,
                                                       const SshOptions& options) {
    Launcher launcher = MSB_TRY(open_launcher());
    return std::shared_ptr<SshServer>(new SshServer(MSB_TRY(
        SshServers::prepare(launcher.home(), launcher.installation(), sandbox.spec(), options))));
}

Outcome<void> SshServer::serve(int input, int output, Cancel* cancel) {
    const auto loop = MSB_TRY(EventLoop::create());
    const auto stop = [&loop] { loop->post([&loop] { loop->stop(); }); };
    const Cancel::Wake wake(cancel, stop);
    std::unique_lock lock(mutex_);
    if (closed_)
        return fail(FailureKind::invalid_handle, "the server's handle was closed");
    serving_.push_back(loop.get());
    const auto ours = std::prev(serving_.end());
    lock.unlock();
    const auto status = serve_ssh_client(*loop, servers_, input, output);
    lock.lock();
    serving_.erase(ours);
    if (cancel != nullptr && cancel->triggered())
        return fail(FailureKind::cancelled, "cancelled");
    if (closed_)
        return fail(FailureKind::invalid_handle, "the server's handle was closed");
    if (MSB_TRY(Result<int>(status)) != 0)
        return fail(FailureKind::session_lost, "the SSH connection ended with an error");
    return {};
}

void SshServer::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (EventLoop* loop : serving_)
        loop->post([loop] { loop->stop(); });
}

} // namespace api

} // namespace msb
