// The runtime: one process per sandbox, for as long as it runs. Serves the devices, relays clients,
// keeps the logs and the state file, ends the guest. Runs in the jail of role `runtime`.
#pragma once

#include "base/event_loop.hpp"
#include "device/blk/blk.hpp"
#include "device/rng/rng.hpp"
#include "device/vsock/vsock.hpp"
#include "engine/engine.hpp"
#include "logs/exec_log.hpp"
#include "logs/kernel_log.hpp"
#include "runtime/clock_keeper.hpp"
#include "runtime/control_channel.hpp"
#include "runtime/heartbeat_watch.hpp"
#include "runtime/host_channel.hpp"
#include "runtime/idle.hpp"
#include "runtime/relay.hpp"
#include "runtime/sampler.hpp"
#include "runtime/session_observer.hpp"
#include "spec/boot_error.hpp"
#include "spec/launch.hpp"
#include "spec/state.hpp"
#include "virtio/device_thread.hpp"
#include "virtio/vhost_user_server.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace msb {

class Runtime {
  public:
    /// `config` as read from launch_fd_config; the descriptors of LaunchFd are open.
    static Result<std::unique_ptr<Runtime>> create(LaunchConfig config);

    /// Opens, starts the engine, confines this process, serves until the guest has ended. The
    /// outcome is in state.json and, before readiness, in boot-error.json and on the report pipe.
    /// Afterwards the process must exit without cleaning up: a thread may be stuck in a disk that
    /// does not answer, and must not be waited for.
    Status run();

    /// A failure before or in run(): recorded and reported as a boot error of `stage`.
    void fail_boot(std::string_view stage, const Error& error);

    ~Runtime();

  private:
    explicit Runtime(LaunchConfig config)
        : config_(std::move(config)),
          idle_(std::chrono::seconds(config_.spec.idle_timeout_seconds)) {}

    // Set-up, in this order.
    Status open_logs();
    Status open_disks();
    Status open_upper_disk();
    Status open_mounted_disk(int fd, const Mount& mount, const std::string& serial);
    Status listen();
    Status start_engine();
    Status confine();
    Status serve_devices();
    Status watch_events();

    // sampling.cpp
    void open_metrics();
    void observe_usage(const wire::Heartbeat& heartbeat);
    void take_sample();
    // network.cpp
    Status watch_network();
    void handle_network();
    void handle_interception();
    void take_network_counter(std::string_view text);
    void change_network_policy(const wire::HostNetworkPolicy& change, HostChannel::Reply reply);
    void policy_answered(const std::string& problem);

    /// Connects to the guest's agent.
    device::Dial dial();
    /// fsd shows the user's files as those of the guest's default user.
    void tell_file_server(const wire::InitResolved& user);
    /// Operations that the guest has begun there never end, and nothing can make its kernel give
    /// them up: the sandbox ends.
    /// Now and again: a server that is there and does nothing is as good as lost.
    void ask_file_server();
    void handle_mounts_lost(int lifeline, const char* what);
    void accept_control(std::shared_ptr<device::Stream> connection);
    wire::HostStatusReport describe_status() const;
    HostChannel::Requests host_requests();
    Status begin_freeze(const wire::HostFreeze& request);
    void begin_thaw(const wire::HostThaw& request);
    void handle_freeze(const wire::FreezeReport& report);
    // growth.cpp
    bool has_growing_disk() const;
    Status begin_growth(const wire::HostRootDiskGrow& request);
    void handle_growth(const wire::RootDiskState& state);

    void handle_ready(BytesView frame, const wire::Ready& ready);
    void handle_boot_failed(const wire::BootFailed& failed);
    void handle_heartbeat(const wire::Heartbeat& heartbeat);
    void handle_engine_exit();
    void record_end(bool crashed, const std::string& how);
    std::string describe_init_end() const;
    /// The connection for sessions that no client owns, made at the first call.
    SessionObserver& observer();
    void start_command(const StartupCommand& command);
    void handle_parent();
    /// The session whose end is the sandbox's end.
    void handle_main_session_end(const SessionObserver::End& end);
    void handle_control_lost(std::string_view why);
    void start_timers();
    void balance_machine();
    /// Looks once a second whether heartbeats come.
    void watch_heartbeats();
    /// Ends a machine whose agent cannot be asked to.
    void give_up_agent(std::string_view detail);

    /// Asks the guest to end, and ends it by force when the time is up. Asking again can only make
    /// it shorter.
    void begin_shutdown(std::string_view why, std::optional<std::uint64_t> grace_ms);
    /// Tells the agent, while it shuts down, when clients have taken more than was `told`.
    void report_readers(std::uint64_t told);
    /// Commands may finish, new ones are refused; then the shutdown begins.
    void begin_drain();
    /// Ends the engine at once, and does not wait for long.
    void end_engine();
    void set_status(SandboxStatus status);
    void report(const LaunchReport& report);
    void report_stage(std::string_view stage, std::int64_t time_ns);

    LaunchConfig config_;
    SandboxState state_;
    std::unique_ptr<EventLoop> loop_;
    OwnedFd report_;
    OwnedFd signals_;
    OwnedFd agent_listener_;
    std::unique_ptr<ExecLog> exec_log_;
    std::unique_ptr<KernelLog> kernel_log_;
    std::optional<RotatingFile> network_log_;
    std::deque<HostChannel::Reply> policy_replies_; ///< that netd owes
    std::optional<std::string> authority_; ///< that the guest has to trust, once tlsd has told
    std::shared_ptr<device::Stream> waiting_control_; ///< for that
    std::string interception_problem_;
    std::map<std::uint64_t, std::string> network_counters_; ///< a line of JSON for each rule

    struct Listeners {
        OwnedFd root, upper, vsock, rng, host;
        std::vector<OwnedFd> disks; ///< of mounts
    } listeners_;
    std::unique_ptr<device::Blk> root_disk_;
    std::unique_ptr<device::Blk> upper_disk_;
    std::vector<std::unique_ptr<device::Blk>> mounted_disks_;
    std::uint64_t largest_file_ = 0; ///< that is written: a disk, or a log
    std::unique_ptr<device::Vsock> vsock_;
    std::unique_ptr<device::Rng> rng_;
    std::vector<std::unique_ptr<virtio::DeviceThread>> device_threads_;
    virtio::DeviceThread* upper_thread_ = nullptr; ///< one of them: what serves upper_disk_
    std::vector<std::unique_ptr<virtio::VhostUserServer>> servers_;

    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<ControlChannel> control_;
    std::unique_ptr<Relay> relay_;
    std::unique_ptr<SessionObserver> observer_;
    std::unique_ptr<HostChannel> host_channel_;

    wire::HostFreezeReport freeze_;   ///< the last one that was asked for
    wire::HostRootDiskReport growth_; ///< likewise
    bool ready_ = false;
    bool boot_failed_ = false;
    bool shutting_down_ = false;
    bool draining_ = false;
    bool engine_gone_ = false;
    bool waits_for_room_ = false; ///< the guest, on the host's disk
    EventLoop::TimerId kill_timer_ = 0;
    EventLoop::TimerId engine_timer_ = 0;
    EventLoop::TimerId balance_timer_ = 0;
    unsigned unanswered_ = 0; ///< questions to fsd
    EventLoop::Clock::time_point kill_time_{};
    IdleWatch idle_;
    HeartbeatWatch heartbeats_;
    std::unique_ptr<ClockKeeper> clock_;
    const EventLoop::Clock::time_point created_ = EventLoop::Clock::now();
    std::unique_ptr<Sampler> sampler_; ///< none: no metrics
    EventLoop::TimerId sample_timer_ = 0;
    EventLoop::Clock::time_point next_sample_{};
};

} // namespace msb
