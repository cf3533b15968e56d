// SSH for a sandbox: a program of its own for each client (src/ssh), and what carries bytes to it. The
// guest has no part in it but the agent that it has anyway.
#pragma once

#include "api/launcher.hpp"
#include "api/sandbox.hpp"
#include "base/process.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace msb {

struct SshOptions {
    std::string host_key_path;        ///< private key; empty: that of this MSB_HOME
    std::string authorized_keys_path; ///< empty: those of this MSB_HOME
    std::string user;                 ///< in the guest; empty: the login name
    bool sftp = true;
    std::chrono::milliseconds inactivity{600'000}; ///< a connection is ended then; 0: never
};

/// Starts servers for the clients of one sandbox, which are all alike.
class SshServers {
  public:
    /// permission_denied if no key may enter.
    static Result<SshServers> prepare(const Home& home, const Installation& installation,
                                      const SandboxSpec& spec, const SshOptions& options);
    /// One for a client's stream. It tells our stderr why it ends, if that is an error.
    Result<Child> start(int client) const;
    /// Lines of the file of authorized keys that were passed over.
    std::size_t unreadable_keys() const { return unreadable_; }

  private:
    SshServers(std::string program, std::string agent, std::string job, std::size_t unreadable)
        : program_(std::move(program)), agent_(std::move(agent)), job_(std::move(job)),
          unreadable_(unreadable) {}
    std::string program_;
    std::string agent_; ///< the sandbox's agent socket
    std::string job_;
    std::size_t unreadable_;
};

/// Serves one client on two of our descriptors, which may be the same, until it has gone, the server
/// ends, or the loop is stopped. The server's exit status.
Result<int> serve_ssh_client(EventLoop& loop, const SshServers& servers, int input, int output);

namespace api {

/// The library's handle of a server that is prepared.
class SshServer {
  public:
    static Outcome<std::shared_ptr<SshServer>> prepare(const Sandbox& sandbox,
                                                       const SshOptions& options);
    /// serve_ssh_client(); any number at once, of different threads. session_lost if the server ended
    /// with an error.
    Outcome<void> serve(int input, int output, Cancel* cancel);
    /// Calls that serve end, and none begins.
    void close();

  private:
    explicit SshServer(SshServers servers) : servers_(std::move(servers)) {}

    SshServers servers_;
    std::mutex mutex_; ///< of what follows
    bool closed_ = false;
    std::list<EventLoop*> serving_;
};

} // namespace api

} // namespace msb
