// Child processes: each has a pidfd, dies with its parent unless told otherwise, and inherits only
// the descriptors named.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace msb {

bool is_mounted_noexec(const std::string& path);
/// Adds a hint to the error of an execve(2) if the program's file system is mounted noexec.
Error explain_execve(Error error, const std::string& program);

struct SpawnOptions {
    std::vector<std::string> argv; ///< argv[0] is the path to execute.
    /// Child descriptor number <- our descriptor. 0, 1 and 2 default to /dev/null. All others are
    /// closed in the child.
    std::vector<std::pair<int, int>> fds;
    std::optional<std::vector<std::string>> environment; ///< "K=V"; none = inherit.
    bool new_session = false;                            ///< setsid(2): survives our terminal.
    bool die_with_parent = true;                         ///< PR_SET_PDEATHSIG SIGKILL.
};

class Child {
  public:
    Child() = default;
    Child(pid_t pid, OwnedFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

    pid_t pid() const { return pid_; }
    /// Readable when the child has ended.
    int pidfd() const { return pidfd_.get(); }
    Status signal(int number) const;
    /// The wait status as waitpid(2) gives it, or nothing on time-out. May be called again after
    /// success: the status is kept. It is 0 if another part of the program has taken it.
    Result<std::optional<int>> wait(std::chrono::milliseconds timeout);

  private:
    pid_t pid_ = -1;
    OwnedFd pidfd_;
    std::optional<int> status_;
};

/// Between fork and exec: every signal to its default, then none blocked.
void reset_signals();

/// Blocks all signals for the calling thread. Used around a fork: the child is a torn copy of the
/// program and must not run its signal handlers.
class SignalPause {
  public:
    SignalPause();
    ~SignalPause();
    SignalPause(const SignalPause&) = delete;
    SignalPause& operator=(const SignalPause&) = delete;

  private:
    sigset_t before_{};
};

/// Exit code as a shell reports it: code, or 128 + signal number.
int shell_exit_code(int wait_status);

/// argv or envp for execve(2): into `strings`, then `spare` null pointers to fill in, then the null
/// pointer that ends it.
std::vector<char*> exec_pointers(const std::vector<std::string>& strings, std::size_t spare = 0);

/// A failing exec (ENOENT, EACCES, ...) is returned here, not as an exit code of the child.
Result<Child> spawn(const SpawnOptions& options);

/// pidfd of any process. not_found if it has ended.
Result<OwnedFd> open_pidfd(pid_t pid);

} // namespace msb
