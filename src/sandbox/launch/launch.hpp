// Starting the runtime of a sandbox, with all that it needs, and waiting until its guest is ready.
#pragma once

#include "sandbox/launch/fsd.hpp"
#include "sandbox/launch/helper.hpp"
#include "sandbox/launch/mounts.hpp"
#include "sandbox/launch/netd.hpp"
#include "sandbox/launch/storage_daemon.hpp"
#include "sandbox/launch/tlsd.hpp"
#include "sandbox/metrics.hpp"
#include "sandbox/sandboxes.hpp"
#include "sandbox/volumes/claims.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace msb {

/// One launch, used once. Each step fills in what the next one needs.
class Launch {
  public:
    struct Subject {
        const Home& home;
        const Installation& installation;
        const SandboxSpec& spec;
        const image::Image& image;
        const EngineSelection& engine;
        const LaunchOptions& options;
        bool first; ///< of this sandbox
        const VolumeClaims& volumes;
    };

    /// `lock`: the sandbox's, held; its runtime gets it.
    Launch(const Subject& subject, OwnedFd lock);

    /// All steps. If one fails, no process of it is left, and the lock is free.
    Result<Running> run();
    /// The failure of a run, unless it was cancelled.
    const std::optional<BootError>& boot_error() const { return boot_error_; }

  private:
    Status take_steps();
    Status prepare();
    Status open_disks();
    Result<OwnedFd> open_root_disk();
    Status start_helpers();
    Status prepare_network(const HelperStart& start);
    Status take(Result<Helper> started);
    void reserve_metrics();
    Status start_runtime();
    Status start_network();
    Status wait_until_ready();
    Status take_report(const LaunchReport& report);
    void give_up(const Error& error);

    /// A descriptor for the runtime, under this number there.
    void give(int number, OwnedFd fd);
    bool cancelled() const { return subject_.options.wait_tick && subject_.options.wait_tick(); }

    const Subject& subject_;
    const SandboxFiles files_;
    const std::string sockets_;
    OwnedFd lock_;
    std::string_view step_ = "other"; ///< that is under way, for a boot error
    std::optional<BootError> boot_error_;
    Running running_;

    LaunchConfig config_; ///< for the runtime
    std::optional<NetdStart> network_;
    std::optional<JailedStart> interception_;
    std::vector<std::pair<int, OwnedFd>> given_;
    OwnedFd group_; ///< control group; none where there can be none
    MountPlan mounts_;
    OwnedFd disk_lock_; ///< on a root disk of the user's
    std::optional<metrics::Registry::Reserved> metrics_;
    OwnedFd report_;
    bool ready_ = false;
};

} // namespace msb
