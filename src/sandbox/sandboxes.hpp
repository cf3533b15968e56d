// The sandboxes of one MSB_HOME: what they are, and everything that starts, stops or removes one.
//
// No daemon: any process may do any of this at any time, and any of them may be killed at any
// moment. This works because:
//  - The lifecycle lock (flock) of a name is held by whoever changes the sandbox and by its runtime
//    for life; the kernel releases it when the holder dies. "Is it alive?" = "is the lock held?".
//  - sandboxes/<name>/spec.json is written last when a sandbox is made and removed first when it
//    is removed: a directory without it is rubbish that the next command sweeps up.
//  - Every look at a sandbox reconciles it: a dead runtime's sandbox becomes Crashed, or Stopped if
//    its end was asked for, or is removed, if ephemeral; stale sockets go, the index follows the
//    files.
//  - A command that kills a runtime on request records that first (Home::kill_request), because
//    any other command may be the first to look afterwards.
#pragma once

#include "base/process.hpp"
#include "image/image.hpp"
#include "sandbox/catalogue.hpp"
#include "sandbox/home.hpp"
#include "sandbox/owned_storage.hpp"
#include "sandbox/volumes/claims.hpp"
#include "spec/launch.hpp"
#include "spec/patches.hpp"
#include "spec/spec.hpp"
#include "spec/state.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace msb {

struct SandboxView {
    SandboxSpec spec;
    SandboxState state;
    /// Why the spec cannot be read; it has nothing but the name then.
    std::optional<Error> damage;

    /// With the ports of the host as they are now.
    std::vector<PublishedPort> published() const;
};

/// How the engine was chosen for a launch; see engine::choose().
struct EngineSelection {
    std::string engine;
    std::string isolation;
    std::string kernel_bundle; ///< its folder
    std::string kernel_name;
    std::string initramfs;
    /// For people, once per MSB_HOME: set when this launch fell back to weaker isolation.
    std::string notice;
    /// The host cannot do the uml engine's seccomp mode: guest processes run in ptrace mode.
    bool ptrace = false;
    std::string ptrace_notice; ///< as `notice`, for that
};

struct LaunchOptions {
    bool attached = false;   ///< the sandbox stops when our process ends
    bool detachable = false; ///< unless Running::leave() was called before
    std::optional<StartupCommand> startup;
    /// Called about every 80 ms while waiting; true cancels the launch.
    std::function<bool()> wait_tick;
    std::string log_level; ///< of the runtime for this run; empty: as in the spec
    /// Called, when a new sandbox has files to copy, with the bytes so far.
    std::function<void(std::uint64_t)> copied;
};

struct StageTime {
    std::string stage;
    std::int64_t time_ns = 0; ///< CLOCK_MONOTONIC at which the stage was complete
};

/// A runtime that has reported ready.
struct Running {
    std::string name;
    Child runtime;
    std::vector<Child> helpers;           ///< which end with the runtime (launch/helper.hpp)
    OwnedFd parent_watch;                 ///< attached: closing it asks the runtime to stop
    std::vector<PublishedPort> published; ///< with the ports of the host that were bound
    std::vector<StageTime> stages;
    std::string notice; ///< for people: what it runs without; empty: nothing

    /// Attached and detachable: the sandbox no longer stops with us, but when this session ends; 0:
    /// it goes on until somebody stops it.
    Status leave(std::uint64_t session);
};

/// What wait_until_stopped() saw.
struct StopObservation {
    std::string name;
    SandboxStatus status = SandboxStatus::stopped;
    std::optional<int> exit_code; ///< of the startup command
    std::optional<int> signal;    ///< that ended the runtime; only if the runtime was ours
    std::int64_t observed_at_ns = 0;
    std::string_view source; ///< "process" (the runtime was ours) or "state"
};

/// The error for making a second sandbox of this name.
Error sandbox_exists(const std::string& name);

class Sandboxes {
  public:
    static Result<Sandboxes> open(const Home& home, const Installation& installation);

    /// Reconciled. not_found if there is none of that name; an error too if it is damaged.
    Result<SandboxView> get(const std::string& name);
    /// Reconciled, newest first, without damaged ones.
    Result<std::vector<SandboxView>> list(const LabelSelector& labels = {});
    /// The errors of the sandboxes that the last list() left out.
    const std::vector<Error>& damaged() const { return damaged_; }
    /// Manifest digests that sandboxes were made from.
    Result<std::vector<std::string>> images_in_use();

    /// A sandbox that does not run, and is neither started nor changed as long as this lives.
    struct Still {
        SandboxView view;
        OwnedFd lock; ///< shared with others that only read
    };
    /// busy if it runs, or is being changed.
    Result<Still> hold_still(const std::string& name);

    /// What a new sandbox begins with.
    struct Origin {
        std::string upper{};      ///< path of a disk that its own is a copy of; empty: an empty one
        std::string flat{};       ///< the same, of a flat root; never empty
        StorageOrigins storage{}; ///< of its own storage; nothing may write to them meanwhile
        std::vector<Patch> patches{}; ///< made on its disk before the first start
    };
    /// Makes the sandbox's files and starts it. `volumes` has the named ones of its mounts. already_exists if the name is taken. If the start
    /// fails, an ephemeral sandbox is gone and a persistent one is left Stopped; `boot_error()`
    /// then tells the stage.
    Result<Running> create(const SandboxSpec& asked, const image::Image& image,
                           const EngineSelection& engine, const LaunchOptions& options,
                           const Origin& origin, VolumeClaims volumes);
    /// Starts a Stopped, Crashed or Created sandbox, and waits for one that is ending (for as long
    /// as that takes by default). busy if it runs.
    Result<Running> start(const std::string& name, const image::Image& image,
                          const EngineSelection& engine, const LaunchOptions& options);
    using NetworkChange = std::function<Result<NetworkSpec>(const NetworkSpec& old)>;
    /// Changes what a sandbox may reach. True: it holds now; false: from the next start on, because
    /// it runs without a network. Flows that may not be any more have ended when this returns.
    Result<bool> change_network(const std::string& name, const NetworkChange& change);
    struct ChangedSecrets {
        SecretsSpec secrets;
        std::vector<std::string> fresh; ///< variables of those whose sources are asked again
    };
    using SecretsChange = std::function<Result<ChangedSecrets>(const SecretsSpec& old)>;
    /// Changes secrets, also while it runs. False: it runs without interception, so this holds from its next
    /// start on.
    Result<bool> change_secrets(const std::string& name, const SecretsChange& change);
    /// Gives its root disk another size: a larger one, if it is a file, also while it runs. False: it
    /// has it from the next start on. After an error the file may have it and the guest not yet.
    Result<bool> resize_root_disk(const std::string& name, std::uint64_t size_mib);
    const std::optional<BootError>& boot_error() const { return boot_error_; }
    /// The last create() failed because of a patch.
    bool patch_failed() const { return patch_failed_; }
    /// For what fails before start() is called: the same record as of a later stage.
    void record_boot_error(const std::string& name, BootError error);
    /// Makes boot_error() return what the sandbox's last start left, if it failed.
    void load_boot_error(const std::string& name);

    /// Asks the guest to end and waits; kills after `grace` (+ what the guest needs to power off).
    /// Stopping what is stopped succeeds, and so does a stop that had to kill. Zero grace kills at
    /// once. Bounded even if the runtime is wedged. `cancelled` is asked now and then: true ends
    /// the waiting (ErrorKind::cancelled), the request stands.
    Status stop(const std::string& name, std::chrono::milliseconds grace,
                const std::function<bool()>& cancelled = {});
    /// Finishes commands, refuses new ones, stops when none is left: waits for that, without limit.
    Status drain(const std::string& name, const std::function<bool()>& cancelled = {});

    // The same without waiting: these return when the request is delivered.
    Status request_stop(const std::string& name, std::chrono::milliseconds grace);
    Status request_kill(const std::string& name);
    Status request_drain(const std::string& name);

    /// Waits until the sandbox is not active any more; never causes it. timed_out after `timeout`.
    Result<StopObservation> wait_until_stopped(const std::string& name,
                                               std::chrono::milliseconds timeout,
                                               const std::function<bool()>& cancelled = {});
    /// The same for a runtime that is our child, whose exit status tells more.
    Result<StopObservation> wait_until_stopped(Running& running, std::chrono::milliseconds timeout,
                                               const std::function<bool()>& cancelled = {});
    /// Ends an attached sandbox of ours whose disk is thrown away, without asking the guest.
    Status discard(Running& running);
    /// busy if it runs, unless `force` (kills it first). A damaged one is only removed by force.
    Status remove(const std::string& name, bool force);

    const Home& home() const { return home_; }

  private:
    Sandboxes(Home home, Installation installation)
        : home_(std::move(home)), installation_(std::move(installation)), catalogue_(home_) {}

    Result<OwnedFd> lock(const std::string& name, std::chrono::milliseconds wait) const;
    /// For whom nothing but the lock is left to say what is in the way.
    Result<OwnedFd> lock_or_say(const std::string& name, std::chrono::milliseconds wait) const;
    Result<OwnedFd> lock_for_start(const std::string& name, const std::function<bool()>& cancelled);
    std::optional<SandboxView> load(const std::string& name) const;
    /// Like get(), but a damaged one is found.
    Result<SandboxView> find(const std::string& name);
    /// Needs the lock. Returns nothing if there is no sandbox (any more).
    Result<std::optional<SandboxView>> reconcile_locked(const std::string& name);
    /// Turns the state that a runtime left when it was killed into that of an ended sandbox.
    void note_death(const std::string& name, SandboxState& state) const;
    Result<std::optional<SandboxView>> look(const std::string& name);
    bool only_read(const std::string& name) const;
    /// The runtime of an active sandbox. Returns nothing if it has ended meanwhile.
    struct Reached;
    Result<std::optional<Reached>> reach(const std::string& name);
    Result<bool> find_process(const std::string& name, Reached& found);
    Status kill(const std::string& name, const Reached& runtime);
    Status end(const std::string& name, const Reached& runtime);
    Status note_end(const std::string& name);
    Status make_root_disk(const SandboxSpec& spec, const Origin& origin);
    Status make_patches(const SandboxSpec& spec, const image::Image& image,
                        const std::vector<Patch>& patches, const disk::Watch& watch);
    Status make_files(const SandboxSpec& spec, const image::Image& image,
                      const LaunchOptions& options, const Origin& origin);
    Status erase_files(const std::string& name);
    Status clear_run(const std::string& name);
    Result<Running> launch(OwnedFd lock, const SandboxSpec& spec, const image::Image& image,
                           const EngineSelection& engine, const LaunchOptions& options, bool first,
                           VolumeClaims volumes);
    void clean_up_after_launch(const SandboxSpec& spec, const Error& error, bool first);

    Home home_;
    Installation installation_;
    LazyCatalogue catalogue_;
    std::optional<BootError> boot_error_;
    bool patch_failed_ = false;
    std::vector<Error> damaged_;
};

} // namespace msb
