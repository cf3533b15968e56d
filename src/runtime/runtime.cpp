#include "runtime/runtime.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "base/watchdog.hpp"
#include "engine/placement.hpp"
#include "jail/jail.hpp"
#include "runtime/bootstrap.hpp"
#include "runtime/helper_log.hpp"
#include "spec/files.hpp"
#include "spec/fs_server.hpp"
#include "wire/console_report.hpp"
#include "wire/exit_code.hpp"
#include "wire/transport.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t guest_cid = 3;
constexpr auto boot_deadline = 120s;
constexpr std::size_t entropy_bytes = 64;
constexpr std::uint64_t most_log_bytes = std::uint64_t{32} << 20; ///< of one file, and some
constexpr std::uint64_t mounts_lost_grace_ms = 1000;
/// How often fsd is asked whether it is there, and how many questions may be open. Turns of our own loop
/// are counted and not time, in which we may have been stopped, too.
constexpr auto file_server_interval = 2s;
constexpr unsigned file_server_patience = 5;
/// How long clients may read the rest of the output when the guest has ended: in general, and when
/// somebody waits for the end.
constexpr auto patience_for_readers = 10s;
constexpr auto last_readers_time = 500ms;

const SandboxFiles files{jail_sandbox};

std::string socket_path(std::string_view name) {
    return std::string(jail_sockets) + "/" + std::string(name);
}

/// None if the host has none to give.
std::optional<Bytes> random_bytes(std::size_t count) {
    Bytes bytes(count);
    if (::getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count))
        return std::nullopt;
    return bytes;
}

Result<OwnedFd> open_logs_directory() {
    return sys::open(files.logs(), O_RDONLY | O_DIRECTORY);
}

} // namespace

Result<std::unique_ptr<Runtime>> Runtime::create(LaunchConfig config) {
    std::unique_ptr<Runtime> runtime(new Runtime(std::move(config)));
    runtime->report_ = OwnedFd(launch_fd_report);
    runtime->loop_ = MSB_TRY(EventLoop::create());
    runtime->state_.engine = runtime->config_.engine;
    runtime->state_.isolation = runtime->config_.isolation;
    for (const PublishedPort& port : runtime->config_.spec.network.published)
        runtime->state_.host_ports.push_back(port.host); // as they were bound
    runtime->state_.started_at_ns = unix_time_ns();
    runtime->open_metrics();
    return runtime;
}

Runtime::~Runtime() = default;

Status Runtime::run() {
    set_status(SandboxStatus::starting);
    MSB_TRY(open_logs());
    MSB_TRY(open_disks());
    MSB_TRY(listen());
    MSB_TRY(start_engine());
    MSB_TRY(confine());
    MSB_TRY(serve_devices());
    MSB_TRY(watch_events());
    const Status done = loop_->run();
    exec_log_->flush();
    return done;
}

Status Runtime::open_logs() {
    // A guest can cause any number of lines, so this log is bounded like the others.
    log::set_sink([file = std::make_shared<RotatingFile>(
                       MSB_TRY(RotatingFile::open(MSB_TRY(open_logs_directory()), "runtime.log")))](
                      std::string_view line) { file->append(as_bytes(line)); });
    exec_log_ = MSB_TRY(ExecLog::open(MSB_TRY(open_logs_directory())));
    kernel_log_ = MSB_TRY(KernelLog::open(MSB_TRY(open_logs_directory())));
    if (config_.network)
        network_log_.emplace(
            MSB_TRY(RotatingFile::open(MSB_TRY(open_logs_directory()), "network.log")));
    return {};
}

Status Runtime::open_disks() {
    device::Blk::Config root;
    root.read_only = true;
    root.serial = "msb-root";
    int number = launch_fd_root;
    for (const std::uint64_t length : config_.root)
        root.extents.push_back({number++, 0, length});
    if (!root.extents.empty())
        root_disk_ = MSB_TRY(device::Blk::create(std::move(root)));
    if (config_.disk)
        MSB_TRY(open_upper_disk());
    for (std::size_t i = 0; i < config_.mounts.size(); ++i)
        if (config_.mounts[i].kind == MountBacking::Kind::disk)
            MSB_TRY(open_mounted_disk(number++, config_.spec.mounts[i], config_.mounts[i].tag));

    vsock_ = std::make_unique<device::Vsock>(*loop_, guest_cid);
    rng_ = std::make_unique<device::Rng>(*loop_);
    return {};
}

Status Runtime::open_upper_disk() {
    device::Blk::Config upper;
    upper.serial = "msb-upper";
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(launch_fd_upper)).st_size);
    upper.extents.push_back({launch_fd_upper, 0, size});
    // One of msb's may grow while it is in use, and nothing raises this limit again.
    largest_file_ = has_growing_disk() ? max_root_disk_mib * mib : std::max(size, most_log_bytes);
    // Nobody will ever read a throw-away disk after a crash: flushing it would only cost time.
    upper.durability =
        config_.spec.throws_root_away() ? device::Durability::none : device::Durability::flush;
    upper.on_full = [this](bool waiting) {
        loop_->post([this, waiting] { waits_for_room_ = waiting; });
    };
    upper_disk_ = MSB_TRY(device::Blk::create(std::move(upper)));
    return {};
}

/// What a sandbox that is thrown away writes to it stays, so it is flushed there, too.
Status Runtime::open_mounted_disk(int fd, const Mount& mount, const std::string& serial) {
    device::Blk::Config disk;
    disk.serial = serial;
    disk.read_only = mount.read_only;
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(fd)).st_size);
    disk.extents.push_back({fd, 0, size});
    disk.on_full = [this](bool waiting) {
        loop_->post([this, waiting] { waits_for_room_ = waiting; });
    };
    if (!mount.read_only)
        largest_file_ = std::max({largest_file_, size, most_log_bytes});
    mounted_disks_.push_back(MSB_TRY(device::Blk::create(std::move(disk))));
    return {};
}

Status Runtime::listen() {
    // The engine has another user id than we; the directory is what keeps others out.
    const auto device_socket = [](std::string_view name) {
        return sys::unix_listen(socket_path(name), 1, 0666);
    };
    agent_listener_ = MSB_TRY(sys::unix_listen(socket_path("agent.sock"), 128));
    listeners_.host = MSB_TRY(sys::unix_listen(socket_path("runtime.sock"), 16));
    if (root_disk_)
        listeners_.root = MSB_TRY(device_socket("root.sock"));
    if (upper_disk_)
        listeners_.upper = MSB_TRY(device_socket("upper.sock"));
    for (const MountBacking& backing : config_.mounts)
        if (backing.kind == MountBacking::Kind::disk)
            listeners_.disks.push_back(MSB_TRY(device_socket(backing.tag + ".sock")));
    listeners_.vsock = MSB_TRY(device_socket("vsock.sock"));
    listeners_.rng = MSB_TRY(device_socket("rng.sock"));
    return {};
}

Status Runtime::start_engine() {
    engine::Machine machine;
    machine.vcpus = config_.spec.cpus;
    machine.memory_bytes = config_.spec.memory_mib << 20;
    machine.kernel = MSB_TRY(engine::load_kernel_bundle(jail_kernel));
    state_.kernel = {machine.kernel.name, machine.kernel.version, machine.kernel.hash};
    machine.initramfs = jail_initramfs;
    const auto device = [](const virtio::Device& served, std::string_view name) {
        return engine::DeviceSocket{static_cast<std::uint32_t>(served.id()), socket_path(name)};
    };
    // Their order is that of their names in the guest.
    if (root_disk_)
        machine.devices.push_back(device(*root_disk_, "root.sock"));
    if (upper_disk_)
        machine.devices.push_back(device(*upper_disk_, "upper.sock"));
    machine.devices.push_back(device(*vsock_, "vsock.sock"));
    machine.devices.push_back(device(*rng_, "rng.sock"));
    std::set<std::string_view> named;
    for (const MountBacking& backing : config_.mounts) {
        const bool disk = backing.kind == MountBacking::Kind::disk ||
                          backing.kind == MountBacking::Kind::formatted_disk;
        const auto id = disk ? virtio::DeviceId::block : virtio::DeviceId::fs;
        // Shares may have a device together.
        if (backing.kind != MountBacking::Kind::memory && named.insert(backing.tag).second)
            machine.devices.push_back(
                {static_cast<std::uint32_t>(id), socket_path(backing.tag + ".sock")});
    }
    if (config_.network)
        machine.devices.push_back(
            {static_cast<std::uint32_t>(virtio::DeviceId::net), socket_path(network_socket)});
    machine.console_fd = kernel_log_->console();
    machine.isolate_guest_users =
        config_.ptrace || config_.spec.security == SecurityProfile::restricted;
    const bool kvm = machine.kernel.engine == engine::EngineKind::kvm;
    const OwnedFd kvm_device = kvm ? OwnedFd(launch_fd_kvm) : OwnedFd(); // the engine's, not ours
    machine.kvm_device = kvm_device.get();
    machine.one_cpu = !kvm && machine.vcpus == 1 && jail::look_below() && jail::read_cpu_times();
    engine_ = MSB_TRY(engine::Engine::start(machine.kernel.engine, machine));
    kernel_log_->close_console();
    report_stage("engine", monotonic_ns());
    return {};
}

Status Runtime::confine() {
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
        sigaddset(&handled, number);
    ::sigprocmask(SIG_BLOCK, &handled, nullptr);
    signals_ = OwnedFd(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_)
        return fail_errno("signalfd");
    MSB_TRY(start_watchdog(*loop_));
    return jail::lock_down(
        jail::Role::runtime,
        {.writable = {jail_sandbox, jail_sockets}, .readable = {}, .file_bytes = largest_file_});
}

Status Runtime::serve_devices() {
    if (root_disk_)
        device_threads_.push_back(MSB_TRY(
            virtio::DeviceThread::start(std::move(listeners_.root), *root_disk_, "blk-root")));
    if (upper_disk_) {
        device_threads_.push_back(MSB_TRY(
            virtio::DeviceThread::start(std::move(listeners_.upper), *upper_disk_, "blk-upper")));
        upper_thread_ = device_threads_.back().get();
    }
    for (std::size_t i = 0; i < mounted_disks_.size(); ++i)
        device_threads_.push_back(MSB_TRY(virtio::DeviceThread::start(
            std::move(listeners_.disks[i]), *mounted_disks_[i], "blk-mount")));
    servers_.push_back(
        MSB_TRY(virtio::VhostUserServer::create(*loop_, std::move(listeners_.vsock), *vsock_)));
    servers_.push_back(
        MSB_TRY(virtio::VhostUserServer::create(*loop_, std::move(listeners_.rng), *rng_)));
    vsock_->listen(wire::control_port,
                   [this](auto connection) { accept_control(std::move(connection)); });
    relay_ = std::make_unique<Relay>(
        *loop_, dial(), *exec_log_,
        Relay::Events{.shutdown =
                          [this](const wire::Shutdown& shutdown) {
                              begin_shutdown(reason::shutdown_requested, shutdown.grace_ms);
                          },
                      .session_kept = [this] { (void)observer(); },
                      .drain = [this] { begin_drain(); }});
    return {};
}

Status Runtime::watch_events() {
    kernel_log_->start();
    exec_log_->start(*loop_, [this] {
        relay_->log_progress();
        if (observer_)
            observer_->log_progress();
    });
    MSB_TRY(
        loop_->watch(engine_->pidfd(), EPOLLIN, [this](std::uint32_t) { handle_engine_exit(); }));
    MSB_TRY(loop_->watch(signals_.get(), EPOLLIN, [this](std::uint32_t) {
        signalfd_siginfo info{};
        while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info))
            if (info.ssi_signo == SIGUSR1)
                begin_drain();
            else
                begin_shutdown(reason::signal, std::nullopt);
    }));
    host_channel_ = std::make_unique<HostChannel>(*loop_, host_requests());
    MSB_TRY(host_channel_->serve(std::move(listeners_.host)));
    MSB_TRY(watch_network());
    if (config_.attached)
        MSB_TRY(
            loop_->watch(launch_fd_parent, EPOLLIN, [this](std::uint32_t) { handle_parent(); }));
    if (config_.has_shares())
        MSB_TRY(loop_->watch(launch_fd_fs, EPOLLIN, [this](std::uint32_t) {
            std::string unused;
            unanswered_ = 0;
            if (take_helper_packet(launch_fd_fs, unused) == HelperPacket::end)
                handle_mounts_lost(launch_fd_fs, "mounts has ended");
        }));
    if (config_.has_shares())
        ask_file_server();
    if (config_.has_formatted_disks())
        MSB_TRY(loop_->watch(launch_fd_disks, EPOLLIN, [this](std::uint32_t) {
            handle_mounts_lost(launch_fd_disks, "disk images has ended");
        }));
    loop_->after(boot_deadline, [this] {
        if (!ready_)
            fail_boot("agent",
                      Error(ErrorKind::timed_out, "the guest did not become ready in 120 s"));
    });
    return {};
}

wire::HostStatusReport Runtime::describe_status() const {
    std::vector<std::string> counters;
    counters.reserve(network_counters_.size());
    for (const auto& [number, line] : network_counters_)
        counters.push_back(line);
    return {std::string(to_string(state_.status)), state_.reason,
            static_cast<std::uint32_t>(relay_->client_count()),
            waits_for_room_ ? "waiting for room on the host's disk" : state_.detail,
            std::move(counters)};
}

void Runtime::tell_file_server(const wire::InitResolved& user) {
    const std::array<std::uint32_t, 2> ids = {user.uid, user.gid};
    if (config_.has_shares())
        (void)::send(launch_fd_fs, ids.data(), sizeof(ids), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Runtime::ask_file_server() {
    if (unanswered_ == file_server_patience)
        return handle_mounts_lost(launch_fd_fs, "mounts does not answer");
    if (ready_) { // before that the start has its own patience
        ++unanswered_;
        (void)::send(launch_fd_fs, fsd::are_you_there.data(), fsd::are_you_there.size(),
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    loop_->after(file_server_interval, [this] { ask_file_server(); });
}

void Runtime::handle_mounts_lost(int lifeline, const char* what) {
    loop_->unwatch(lifeline);
    if (engine_gone_)
        return;
    const Error error(ErrorKind::system, std::string("the process that serves the ") + what);
    log::error("{}", error.message());
    if (!ready_ && !shutting_down_)
        return fail_boot("mount", error);
    state_.detail = error.message();
    begin_shutdown(reason::internal_error, mounts_lost_grace_ms);
}

void Runtime::accept_control(std::shared_ptr<device::Stream> connection) {
    if (control_ || waiting_control_) {
        connection->reset(); // the agent connects once; anything else in the guest may try
        return;
    }
    if (config_.intercepts && !authority_) {
        waiting_control_ = std::move(connection);
        return;
    }
    report_stage("kernel", monotonic_ns());
    control_ = std::make_unique<ControlChannel>(
        std::move(connection),
        make_bootstrap(config_, unix_time_ns(), random_bytes(entropy_bytes), authority_),
        ControlChannel::Events{
            [this](const wire::InitResolved& user) { tell_file_server(user); },
            [this](BytesView frame, const wire::Ready& ready) { handle_ready(frame, ready); },
            [this](const wire::BootFailed& failed) { handle_boot_failed(failed); },
            [this](const wire::Heartbeat& heartbeat) { handle_heartbeat(heartbeat); },
            [this] { begin_shutdown(reason::drain_requested, std::nullopt); },
            [this](std::string_view why) { handle_control_lost(why); },
            [this](const wire::FreezeReport& report) { handle_freeze(report); },
            [this](const wire::RootDiskState& state) { handle_growth(state); }});
}

void Runtime::handle_ready(BytesView frame, const wire::Ready& ready) {
    if (std::exchange(ready_, true))
        return;
    balance_timer_ = loop_->after(engine::placement_period, [this] { balance_machine(); });
    // The guest's clock counts from its boot; only differences mean something here.
    const std::int64_t now = monotonic_ns();
    if (ready.boot_time_ns <= ready.init_time_ns && ready.init_time_ns <= ready.ready_time_ns)
        report_stage("root",
                     now - static_cast<std::int64_t>(ready.ready_time_ns - ready.init_time_ns));
    if (const Status serving =
            relay_->serve(std::move(agent_listener_), Bytes(frame.begin(), frame.end()));
        !serving)
        return fail_boot("agent", serving.error());
    log::info("sandbox '{}' is ready (engine {}, agent {})", config_.spec.name, config_.engine,
              ready.agent_version);
    exec_log_->mark("sandbox started");
    set_status(SandboxStatus::running);
    start_timers();
    if (config_.startup)
        start_command(*config_.startup);
    report(LaunchReport{.kind = LaunchReport::Kind::ready, .time_ns = monotonic_ns()});
    report_.reset();
}

void Runtime::handle_boot_failed(const wire::BootFailed& failed) {
    if (ready_)
        return;
    Error error(ErrorKind::system, failed.message);
    if (failed.sys_errno && *failed.sys_errno > 0) {
        // Most messages of the guest already end with the errno's text: do not add it twice.
        std::string_view message = failed.message;
        const std::string text = std::string(": ") + std::strerror(*failed.sys_errno);
        if (message.ends_with(text))
            message.remove_suffix(text.size());
        error = Error::from_errno(*failed.sys_errno, message);
    }
    fail_boot(failed.stage, error);
}

void Runtime::fail_boot(std::string_view stage, const Error& error) {
    if (std::exchange(boot_failed_, true))
        return;
    const BootError record = BootError::from(stage, error);
    (void)write_file_atomic(files.boot_error(), record.to_json(), 0600, false);
    state_.reason = reason::failed;
    state_.detail = record.stage + ": " + record.message;
    state_.stopped_at_ns = unix_time_ns();
    set_status(SandboxStatus::stopped);
    report(LaunchReport{
        .kind = LaunchReport::Kind::failed, .time_ns = monotonic_ns(), .error = record});
    loop_->stop();
}

device::Dial Runtime::dial() {
    return [this](std::uint32_t port) { return vsock_->connect(port); };
}

SessionObserver& Runtime::observer() {
    if (!observer_)
        observer_ = std::make_unique<SessionObserver>(dial(), *exec_log_);
    return *observer_;
}

/// The command of a detached `run`: nobody's session, so that it outlives the command line.
void Runtime::start_command(const StartupCommand& command) {
    wire::ExecRequest request;
    request.cmd = command.argv.front();
    request.args.assign(command.argv.begin() + 1, command.argv.end());
    request.env = command.env;
    request.tty = command.tty;
    if (!command.cwd.empty())
        request.cwd = command.cwd;
    if (!command.user.empty())
        request.user = command.user;
    const std::uint64_t number = ++relay_->session_counter();
    observer().start(number, std::move(request));
    observer().watch(number,
                     [this](const SessionObserver::End& end) { handle_main_session_end(end); });
}

/// The command line that we are attached to has ended, or has detached from its session and says
/// so by that session's number: the sandbox then lives as long as the session.
void Runtime::handle_parent() {
    std::uint64_t number = 0;
    const ssize_t count = ::read(launch_fd_parent, &number, sizeof(number));
    loop_->unwatch(launch_fd_parent);
    if (count != sizeof(number))
        return begin_shutdown(reason::parent_exit, std::nullopt);
    if (number == 0)
        return; // it goes on by itself
    observer().watch(number,
                     [this](const SessionObserver::End& end) { handle_main_session_end(end); });
}

void Runtime::handle_main_session_end(const SessionObserver::End& end) {
    if (engine_gone_ && !end.failure.empty())
        return; // the end of the guest looks like this, too
    state_.exit_code = wire::exit_code_of(end.exited);
    if (!end.failure.empty())
        exec_log_->mark("command failed: " + end.failure);
    begin_shutdown(state_.exit_code == 0 ? reason::completed : reason::failed, std::nullopt);
}

void Runtime::handle_engine_exit() {
    loop_->cancel(engine_timer_);
    loop_->unwatch(engine_->pidfd());
    kernel_log_->finish();
    const auto waited = engine_->wait(0ms);
    const auto exit = waited ? *waited : std::nullopt;
    const std::string init_end = describe_init_end();
    const std::string how = !init_end.empty() ? init_end
                            : exit ? std::string(to_string(exit->reason)) + ": " + exit->detail
                                   : "the engine ended";
    if (!ready_ && !shutting_down_) {
        if (const auto failed = wire::find_console_boot_report(kernel_log_->recent()))
            return handle_boot_failed(*failed);
        if (!init_end.empty())
            return fail_boot("init", Error(ErrorKind::system, init_end)
                                         .with_hint("an init has to run as long as the sandbox; "
                                                    "commands need none (msb run, msb exec)"));
        return fail_boot("kernel",
                         Error(ErrorKind::system, "the guest ended before it was ready: " + how)
                             .with_hint("last lines of its console:\n" +
                                        console_summary(kernel_log_->recent())));
    }
    engine_gone_ = true;
    loop_->cancel(kill_timer_);
    const bool powered_off = exit && exit->reason == engine::Exit::Reason::powered_off;
    const bool crashed = !shutting_down_ && !powered_off;
    // Whoever asked for the end waits until kill_time_ and not much longer.
    const auto now = EventLoop::Clock::now();
    const auto deadline =
        shutting_down_ ? std::max(kill_time_, now + last_readers_time) : now + patience_for_readers;
    relay_->finish(deadline, [this, crashed, how] { record_end(crashed, how); });
}

void Runtime::record_end(bool crashed, const std::string& how) {
    exec_log_->mark("sandbox stopped");
    exec_log_->flush(); // a reader of the state must find the whole log
    state_.stopped_at_ns = unix_time_ns();
    if (crashed) {
        state_.reason = reason::guest_crashed;
        state_.detail = how;
    } else if (state_.reason.empty()) { // the guest powered itself off
        state_.reason = state_.exit_code.value_or(0) == 0 ? reason::completed : reason::failed;
    }
    set_status(crashed ? SandboxStatus::crashed : SandboxStatus::stopped);
    if (sampler_)
        sampler_->stop();
    loop_->stop();
}

/// How the user's init ended, if that ended the guest; else empty.
std::string Runtime::describe_init_end() const {
    const auto status = config_.spec.init ? end_of_process_1(kernel_log_->recent()) : std::nullopt;
    if (!status)
        return {};
    const std::string& cmd = config_.spec.init->cmd;
    std::string text = cmd == "auto" ? "the init" : "the init '" + cmd + "'";
    if (WIFSIGNALED(*status)) {
        const char* name = ::sigabbrev_np(WTERMSIG(*status));
        return text + " was ended by signal " +
               (name != nullptr ? "SIG" + std::string(name) : std::to_string(WTERMSIG(*status)));
    }
    return text + " ended with exit code " + std::to_string(WEXITSTATUS(*status));
}

void Runtime::set_status(SandboxStatus status) {
    state_.status = status;
    state_.updated_at_ns = unix_time_ns();
    if (const Status stored = state_.store(files.state()); !stored)
        log::error("cannot record the state: {}", stored.error().to_string());
}

void Runtime::report(const LaunchReport& report) {
    if (report_)
        (void)sys::write_all(report_.get(), as_bytes(report.to_json_line()));
}

void Runtime::report_stage(std::string_view stage, std::int64_t time_ns) {
    report(LaunchReport{
        .kind = LaunchReport::Kind::stage, .stage = std::string(stage), .time_ns = time_ns});
}

} // namespace msb
