// Starts one command without ever blocking the agent.
#pragma once

#include "agent/core/limits.hpp"
#include "agent/core/users.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

#include <array>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace msb::agent {

/// What the child does between clone and execve, in this order.
enum class LaunchStep : std::uint8_t {
    session,     ///< setsid
    terminal,    ///< controlling terminal
    descriptors, ///< stdin, stdout, stderr
    limits,
    user,     ///< look up the user
    identity, ///< become the user
    directory,
    profile, ///< security profile
    execute,
};
/// Name used in core.exec.failed "stage".
std::string_view to_string(LaunchStep step);

struct LaunchFailure {
    LaunchStep step = LaunchStep::execute;
    UserError user_error = UserError::none;
    bool interpreter_missing = false; ///< the file exists; what its #! or ELF header names does not
    std::int32_t sys_errno = 0;
};

struct LaunchPlan {
    std::string command; ///< looked up in PATH of `env` if it has no '/'
    std::vector<std::string> argv;
    std::vector<std::string> env; ///< "K=V"; HOME is added from the user's entry if absent
    std::string user;             ///< "USER[:GROUP]", empty = root
    std::string directory;
    std::vector<ResourceLimit> limits;
    bool switch_user = true;              ///< false: stay who we are (the agent is not root)
    bool restricted = false;              ///< no new privileges, no CAP_SYS_ADMIN
    bool terminal = false;                ///< stdio[0] becomes the controlling terminal
    std::array<int, 3> stdio{-1, -1, -1}; ///< child's ends; they are not closed by Launch
};

/// A child on its way to execve. It runs in the agent's memory, so this object must live until
/// poll() has returned something else than pending.
class Launch {
  public:
    enum class State { pending, executed, failed };

    /// Fails only if no child could be made.
    static Result<std::unique_ptr<Launch>> start(LaunchPlan plan);
    ~Launch();
    Launch(const Launch&) = delete;
    Launch& operator=(const Launch&) = delete;

    pid_t pid() const { return pid_; }
    const LaunchPlan& plan() const { return plan_; }
    /// Readable when poll() has news.
    int report_fd() const { return report_.get(); }
    State poll();
    /// Valid in state failed.
    const LaunchFailure& failure() const { return failure_; }

  private:
    explicit Launch(LaunchPlan plan);
    static int child_main(void* self);
    [[noreturn]] void run_child();
    void give_up(LaunchStep step, long result, UserError user_error = UserError::none,
                 bool interpreter_missing = false);
    void set_up_session();
    void set_up_descriptors();
    void set_up_identity();
    void drop_privileges();
    long execute_in_path(bool& interpreter_missing);
    long execute(const char* path, bool& interpreter_missing);

    LaunchPlan plan_;
    std::vector<char*> argv_;
    std::vector<char*> envp_;
    const char* path_ = nullptr; ///< value of PATH
    bool home_given_ = false;
    Identity identity_;
    std::array<char, 1032> home_variable_;
    std::array<char, 4096> candidate_;

    OwnedFd report_;
    int child_report_fd_ = -1;
    void* stack_ = nullptr;
    pid_t pid_ = -1;
    State state_ = State::pending;
    LaunchFailure failure_;
    std::size_t received_ = 0;
};

} // namespace msb::agent
