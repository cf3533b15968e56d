// Where everything of one MSB_HOME lives. Only paths; nothing here touches the disk except open().
#pragma once

#include "base/result.hpp"
#include "spec/files.hpp"

#include <string>
#include <string_view>

namespace msb {

class Home {
  public:
    /// $MSB_HOME, else ~/.microsandbox. Made absolute; not created.
    static Result<Home> from_environment();
    /// Replaces $MSB_HOME, for programs whose changes of the environment do not reach getenv().
    /// Empty undoes it.
    static void set_root(std::string root);
    explicit Home(std::string root) : root_(std::move(root)) {}

    /// Creates the directories (0700) and checks that they can be written, and by nobody else.
    Status prepare() const;

    const std::string& root() const { return root_; }
    std::string database() const { return root_ + "/db/msb.db"; }
    std::string cache() const { return root_ + "/cache"; }
    std::string sandboxes() const { return root_ + "/sandboxes"; }
    std::string sandbox(std::string_view name) const;
    std::string snapshots() const { return root_ + "/snapshots"; }
    std::string volumes() const { return root_ + "/volumes"; }
    std::string networks() const { return root_ + "/networks"; }
    std::string policies() const { return root_ + "/policies"; }
    /// Sockets of one sandbox: <run>/sandboxes/<first 12 bytes of sha256(name), hex>.
    std::string socket_directory(std::string_view name) const;
    /// Where the runtime listens. msb itself reaches it however long the path is
    /// (sys::unix_connect).
    std::string agent_socket(std::string_view name) const;
    /// Where its runtime takes requests of the host's commands (wire/host_messages.hpp).
    std::string runtime_socket(std::string_view name) const;
    /// Where the switch of a private network takes requests of the host's commands.
    std::string switch_socket(std::string_view network) const;
    /// Where a member's netd takes the connection to it: outside of what its runtime can write.
    std::string member_socket(std::string_view sandbox) const;
    /// Name of the sandbox's control group; no other home uses it.
    std::string control_group_name(std::string_view name) const;
    /// Symbolic link to the group's directory, while there may be one.
    std::string control_group_note(std::string_view name) const;
    /// The same socket by a path that fits sockaddr_un, for any other program. The sandbox need not
    /// run or exist. Below a long MSB_HOME it leads through a link that prepare() keeps in a
    /// directory of this user in /tmp.
    std::string agent_socket_path(std::string_view name) const;
    /// Makes that link if it is needed. An error: the directory in /tmp is somebody else's.
    Status publish_sockets() const;
    /// flock'ed for as long as the sandbox's runtime, or a command that changes it, lives. Never
    /// deleted: unlinking a lock file lets two processes hold "the" lock.
    std::string lifecycle_lock(std::string_view name) const;
    /// Process id of the runtime, as its starter saw it; only true while the lock is held. Outside
    /// of everything that the runtime can write.
    std::string runtime_pid(std::string_view name) const;
    /// Process ids of its helpers (launch/helper.hpp); the runtime cannot write this either.
    std::string helper_pids(std::string_view name) const;
    /// Where its process that intercepts TLS takes new secrets (tls/control.hpp). Values of secrets go in
    /// there, so it is where no runtime can put another socket in its place.
    std::string secrets_door(std::string_view name) const;
    /// Exists while a command is killing the runtime whose process id it holds: a runtime that ends
    /// this way did not crash. The runtime cannot write this either.
    std::string kill_request(std::string_view name) const;

  private:
    bool needs_socket_link() const;
    std::string socket_link() const;

    std::string root_;
};

/// The parts of msb itself; see base/installation.hpp.
class Installation {
  public:
    static Result<Installation> locate();
    std::string program(std::string_view name) const;
    std::string share() const { return prefix_ + "/share/microsandbox"; }

  private:
    explicit Installation(std::string prefix) : prefix_(std::move(prefix)) {}
    std::string prefix_;
};

} // namespace msb
