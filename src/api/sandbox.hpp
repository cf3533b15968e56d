// The library: sandboxes as objects and calls that any thread may make at any time. The C ABI
// (src/ffi) is this in C.
//
// Sandboxes are files and processes (sandbox/sandboxes.hpp); nothing is kept between calls but what
// the handles hold: connections, and for an attached sandbox the pipe that keeps it alive.
#pragma once

#include "api/exec.hpp"
#include "api/exec_request.hpp"
#include "api/fork.hpp"
#include "api/launcher.hpp"
#include "image/store.hpp"
#include "sandbox/disk_diff.hpp"
#include "sandbox/sandboxes.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace msb::api {

struct CreateOptions : CreateRequest {
    bool detached = false; ///< it goes on when the handle or our process ends
    image::Progress* progress = nullptr;
    std::function<void(const image::Image&)> image_ready{}; ///< called when it is in the cache
};

class Sandbox {
  public:
    /// already_exists, boot_start, image_*. A sandbox that did not start is left Stopped, if it is
    /// not ephemeral.
    static Outcome<std::shared_ptr<Sandbox>> create(const CreateOptions& options, Cancel* cancel);
    static Outcome<std::shared_ptr<Sandbox>> start(const std::string& name, bool detached,
                                                   Cancel* cancel);
    /// All or none: sandbox_not_found, still_running if copying the disk of one that runs takes more than a
    /// moment, already_exists, boot_start.
    static Outcome<std::vector<std::shared_ptr<Sandbox>>>
    fork(const ForkRequest& request, bool detached, const disk::Watch& watch, Cancel* cancel);
    /// Connects to a running sandbox; this handle does not stop it.
    static Outcome<std::shared_ptr<Sandbox>>
    connect(const std::string& name, std::chrono::milliseconds timeout, Cancel* cancel);

    ~Sandbox();
    Sandbox(const Sandbox&) = delete;
    Sandbox& operator=(const Sandbox&) = delete;

    const SandboxSpec& spec() const { return spec_; }
    const std::string& name() const { return spec_.name; }
    /// Notices about how it runs; each is shown only once for an MSB_HOME.
    const std::vector<std::string>& notices() const { return notices_; }
    /// True if it stops with this handle.
    bool owns_lifecycle() const;
    /// From now on it does not stop with this handle.
    Outcome<void> detach();
    /// Stops it if it stops with this handle. The handle cannot be used afterwards.
    Outcome<void> close(Cancel* cancel);

    struct ExecOptions : CommandOptions {
        std::optional<std::chrono::milliseconds> timeout;
        bool stdin_pipe = false;
        BytesView input{}; ///< read before the call returns
    };
    /// An empty `argv` is the sandbox's own command: no_default_command if it has none.
    Outcome<std::shared_ptr<Exec>> exec(std::vector<std::string> argv, const ExecOptions& options,
                                        Cancel* cancel);
    /// As exec()'s `argv`, for a command with a terminal.
    Outcome<wire::ExecRequest> terminal_request(std::vector<std::string> argv,
                                                CommandOptions options) const;
    /// `argv` that makes the sandbox's shell run this.
    std::vector<std::string> shell_command(const std::string& script) const;

    /// Waits until it has ended; tells also what only the owner of its process knows. Error:
    /// timed_out.
    Outcome<StopObservation> wait_until_stopped(std::chrono::milliseconds timeout, Cancel* cancel);

    const std::shared_ptr<ConnectionPool>& connections() const { return connections_; }

  private:
    Outcome<wire::ExecRequest> request_for(std::vector<std::string> argv,
                                           CommandOptions options) const;
    explicit Sandbox(SandboxSpec spec)
        : spec_(std::move(spec)),
          connections_(std::make_shared<ConnectionPool>(spec_.name, spec_.created_at_ns)) {}
    void adopt(Running running, bool attached);
    Outcome<StopObservation> wait_for_ours(std::chrono::milliseconds timeout,
                                           const std::function<bool()>& tick);

    SandboxSpec spec_;
    std::vector<std::string> notices_;
    std::shared_ptr<ConnectionPool> connections_;
    mutable std::mutex mutex_; ///< of what follows
    std::optional<Running> running_;
    std::optional<StopObservation> ended_;
    ForkGuard watch_guard_;
};

// By name, for any sandbox of this MSB_HOME.
Outcome<SandboxView> get(const std::string& name);
struct Listing {
    std::vector<SandboxView> sandboxes; ///< newest first
    std::vector<Error> damaged;
};
Outcome<Listing> list(const LabelSelector& labels);
/// What a stopped sandbox has changed.
Outcome<std::vector<DiskChange>> sandbox_changes(const std::string& name, const disk::Watch& watch);
Outcome<void> remove(const std::string& name, bool force);
Outcome<void> stop(const std::string& name, std::chrono::milliseconds grace, Cancel* cancel);
/// kill() does not ask the guest. It waits up to `timeout`, usually this long, for the end.
inline constexpr std::chrono::milliseconds kill_timeout{5'000};
Outcome<void> kill(const std::string& name, std::chrono::milliseconds timeout, Cancel* cancel);
Outcome<void> drain(const std::string& name, Cancel* cancel);
Outcome<void> request_stop(const std::string& name, std::chrono::milliseconds grace);
Outcome<void> request_kill(const std::string& name);
Outcome<void> request_drain(const std::string& name);
Outcome<StopObservation> wait_until_stopped(const std::string& name,
                                            std::chrono::milliseconds timeout, Cancel* cancel);
/// Where a program can speak the protocol itself; the sandbox need not run or exist.
Outcome<std::string> agent_socket_path(const std::string& name);

} // namespace msb::api
