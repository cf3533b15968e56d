#include "sandbox/launch/launch.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "engine/kvm/options.hpp"
#include "jail/jail.hpp"
#include "net/host_routes.hpp"
#include "sandbox/group.hpp"
#include "sandbox/networks/joining.hpp"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

/// The runtime gives a guest two minutes; beyond that the runtime itself is stuck.
constexpr auto ready_deadline = 150s;
constexpr auto tick = 80ms;
constexpr auto kill_wait = 5s;
constexpr auto own_end = 500ms; ///< of helpers, when the runtime is gone
constexpr std::size_t max_report_line = 64 << 10;

// A runtime can write to its sandbox's directory, so links there are not followed.

Status require_directory(const std::string& path) {
    (void)MSB_TRY(sys::open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    return {};
}

Result<OwnedFd> open_disk(const std::string& path) {
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK));
    if (!S_ISREG(MSB_TRY(sys::fstat(fd.get())).st_mode))
        return fail(ErrorKind::corrupt, path + " is not a file");
    return fd;
}

} // namespace

Launch::Launch(const Subject& subject, OwnedFd lock)
    : subject_(subject), files_{subject.home.sandbox(subject.spec.name)},
      sockets_(subject.home.socket_directory(subject.spec.name)), lock_(std::move(lock)) {
    running_.name = subject.spec.name;
}

void Launch::give(int number, OwnedFd fd) {
    given_.emplace_back(number, std::move(fd));
}

Result<Running> Launch::run() {
    const Status ready = take_steps();
    if (ready)
        return std::move(running_);
    give_up(ready.error());
    return fail(ready.error());
}

Status Launch::take_steps() {
    MSB_TRY(prepare());
    MSB_TRY(open_disks());
    MSB_TRY(start_helpers());
    MSB_TRY(start_runtime());
    MSB_TRY(start_network());
    return wait_until_ready();
}

/// Removes what an earlier run left, and fills in the runtime's configuration.
Status Launch::prepare() {
    const Home& home = subject_.home;
    const SandboxSpec& spec = subject_.spec;
    MSB_TRY(remove_tree(sockets_));
    MSB_TRY(make_directories(sockets_, 0700));
    MSB_TRY(make_directories(files_.logs(), 0700)); // which the user may have removed
    MSB_TRY(require_directory(files_.logs()));
    MSB_TRY(sys::unlink(files_.boot_error()));
    MSB_TRY(sys::unlink(home.kill_request(spec.name)));
    MSB_TRY(sys::unlink(home.runtime_pid(spec.name)));
    MSB_TRY(sys::unlink(home.secrets_door(spec.name)));

    const EngineSelection& engine = subject_.engine;
    const LaunchOptions& options = subject_.options;
    config_.spec = spec;
    if (!options.log_level.empty())
        config_.spec.log_level = options.log_level;
    config_.engine = engine.engine;
    config_.isolation = engine.isolation;
    config_.ptrace = engine.ptrace;
    config_.startup = options.startup;
    config_.attached = options.attached;
    config_.make_workdir = spec.workdir == subject_.image.config.working_dir;
    config_.need_workdir = subject_.first;
    return {};
}

/// What the guest writes to, if that is a file.
Result<OwnedFd> Launch::open_root_disk() {
    const SandboxSpec& spec = subject_.spec;
    const RootDisk& disk = spec.root_disk;
    if (disk.kind == RootDisk::Kind::tmpfs)
        return OwnedFd();
    if (spec.root == RootSource::image && disk.kind == RootDisk::Kind::managed)
        return open_disk(files_.upper());
    if (spec.root == RootSource::image && disk.kind == RootDisk::Kind::flat)
        return open_disk(files_.flat_root());
    UsersDisk users = MSB_TRY(open_users_disk(
        subject_.home, spec.root == RootSource::disk ? spec.image : disk.path, false));
    disk_lock_ = std::move(users.lock);
    return std::move(users.file);
}

Status Launch::open_disks() {
    step_ = "disk";
    OwnedFd disk = MSB_TRY(open_root_disk());
    config_.disk = static_cast<bool>(disk);
    if (disk)
        give(launch_fd_upper, std::move(disk));
    step_ = "image";
    int number = launch_fd_root;
    const bool over_image = subject_.spec.root_disk.kind != RootDisk::Kind::flat;
    for (const image::DiskPiece& piece :
         over_image ? subject_.image.disk : std::vector<image::DiskPiece>()) {
        give(number++, MSB_TRY_WRAP(sys::open(piece.path, O_RDONLY),
                                    "image '" + subject_.image.reference + "' is incomplete"));
        config_.root.push_back(piece.length);
    }
    step_ = "mount";
    mounts_ = MSB_TRY(MountPlan::make(subject_.home, subject_.spec));
    config_.mounts = mounts_.backings;
    for (OwnedFd& disk : mounts_.raw_disks)
        give(number++, std::move(disk));
    std::vector<OwnedFd> volume_locks = subject_.volumes.share_locks();
    if (disk_lock_)
        mounts_.locks.push_back(std::move(disk_lock_));
    for (auto* locks : {&mounts_.locks, &volume_locks})
        for (OwnedFd& lock : *locks)
            give(number++, std::move(lock));
    return {};
}

Status Launch::start_helpers() {
    const SandboxSpec& spec = subject_.spec;
    step_ = "build_vm";
    MSB_TRY(remove_sandbox_group(subject_.home, spec.name)); // with the limits of an earlier size
    group_ = make_sandbox_group(subject_.home, spec);
    OwnedFd log = MSB_TRY(sys::open(files_.runtime_log(),
                                    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0600));
    const int log_number = log.get();
    give(STDERR_FILENO, std::move(log));
    const HelperStart start{.installation = subject_.installation,
                            .home = subject_.home.root(),
                            .sandbox = spec.name,
                            .sockets = sockets_,
                            .log_level = config_.spec.log_level,
                            .control_group = group_.get(),
                            .log = log_number};
    MSB_TRY(prepare_network(start));
    if (config_.has_shares()) {
        step_ = "mount";
        MSB_TRY(take(start_fsd(start, mounts_.shared, mounts_.sources)));
    }
    if (!mounts_.formatted_disks.empty()) {
        step_ = "mount";
        MSB_TRY(take(start_storage_daemon(start, mounts_.formatted_disks)));
    }
    step_ = "build_vm";
    return {};
}

/// All but the processes.
Status Launch::prepare_network(const HelperStart& start) {
    const NetworkSpec& network = subject_.spec.network;
    step_ = "network";
    if (network.tls.trust_host_cas)
        config_.host_authorities = MSB_TRY(read_host_authorities());
    if (!network.active())
        return {};
    config_.network = NetworkPlan::make(subject_.spec.name, network.interface,
                                        network.joined || net::host_has_route(false),
                                        network.joined || net::host_has_route(true));
    network_ = MSB_TRY(prepare_netd(start, config_.spec.network, *config_.network));
    running_.published = config_.spec.network.published;
    give(launch_fd_network, std::move(network_->lifeline));
    if (!network.tls.intercept)
        return {};
    interception_ = MSB_TRY(prepare_tlsd(start, network, *network_));
    config_.intercepts = true;
    give(launch_fd_tls, std::move(interception_->lifeline));
    return {};
}

Status Launch::take(Result<Helper> started) {
    Helper helper = MSB_TRY(std::move(started));
    give(helper.number, std::move(helper.lifeline));
    running_.helpers.push_back(std::move(helper.process));
    return record_helpers(subject_.home, subject_.spec.name, running_.helpers);
}

/// Without a slot there are no metrics, which is no reason not to run.
void Launch::reserve_metrics() {
    const SandboxSpec& spec = subject_.spec;
    if (spec.metrics_interval_ms == 0)
        return;
    auto reserved = [&]() -> Result<metrics::Registry::Reserved> {
        const MetricsConfig config = MSB_TRY(MetricsConfig::read(subject_.home.root()));
        return metrics_registry(subject_.home)
            .reserve({.name = spec.name,
                      .memory_limit = spec.memory_mib << 20,
                      .cpus = spec.cpus,
                      .interval_ms = spec.metrics_interval_ms,
                      .sandboxes = config.capacity});
    }();
    if (reserved) {
        config_.metrics = reserved->place;
        metrics_ = std::move(*reserved);
    } else {
        running_.notice =
            "sandbox '" + spec.name + "' has no metrics: " + reserved.error().to_string();
        if (!reserved.error().hint().empty())
            running_.notice += "; " + std::string(reserved.error().hint());
    }
}

Status Launch::start_runtime() {
    const SandboxSpec& spec = subject_.spec;
    const LaunchOptions& options = subject_.options;
    if (is_mounted_noexec(subject_.engine.kernel_bundle))
        return fail(explain_execve(Error::from_errno(EACCES, "execve the guest's kernel"),
                                   subject_.engine.kernel_bundle));
    reserve_metrics();
    auto report = MSB_TRY(sys::pipe());
    auto parent = MSB_TRY(sys::pipe());
    give(launch_fd_config, MSB_TRY(sys::memfd("launch-config", as_bytes(config_.to_json()))));
    give(launch_fd_lock, std::move(lock_));
    give(launch_fd_report, std::move(report[1]));
    give(launch_fd_parent, std::move(parent[0]));

    jail::Request request;
    request.role = jail::Role::runtime;
    request.argv = {"/runtime", spec.name};
    request.binds = {
        {subject_.installation.program("runtime"), "/runtime", false, true},
        {files_.directory, jail_sandbox, true, false},
        // The next start trusts this file, so the runtime gets it read-only; as a mount it cannot
        // be replaced either.
        {files_.spec(), std::string(jail_sandbox) + "/spec.json", false, false},
        {sockets_, jail_sockets, true, false},
        {subject_.engine.kernel_bundle, jail_kernel, false, true},
        {subject_.engine.initramfs, jail_initramfs, false, false},
    };
    if (subject_.engine.engine == engine::to_string(engine::EngineKind::kvm)) {
        request.binds.push_back(
            {subject_.installation.program("kvm"), engine::kvm::program_outside, false, true});
        give(launch_fd_kvm, MSB_TRY(sys::open("/dev/kvm", O_RDWR)));
    }
    for (const auto& [number, fd] : given_)
        request.fds.emplace_back(number, fd.get());
    if (metrics_)
        request.fds.emplace_back(launch_fd_metrics, metrics_->segment.get());
    request.control_group = group_.get();
    request.new_session = true;
    // With a disk that is thrown away the runtime dies with us; other sandboxes are shut down by
    // the watch pipe.
    request.die_with_parent = options.attached && spec.can_be_cut_off() && !options.detachable;
    running_.runtime = MSB_TRY(jail::spawn(request));
    given_.clear(); // lifelines, lock and pipes are the runtime's alone
    if (metrics_)
        metrics::Registry::set_runtime(*metrics_, running_.runtime.pid());
    metrics_.reset();
    MSB_TRY(write_file_atomic(subject_.home.runtime_pid(spec.name),
                              std::to_string(running_.runtime.pid()), 0600, false));
    if (options.attached)
        running_.parent_watch = std::move(parent[1]);
    report_ = std::move(report[0]);
    return {};
}

/// The engine connects to the device's socket, which listens already.
Status Launch::start_network() {
    if (!network_)
        return {};
    step_ = "network";
    for (std::optional<JailedStart>* const start : {&network_, &interception_}) {
        if (*start)
            running_.helpers.push_back(MSB_TRY((*start)->spawn()));
        start->reset();
    }
    MSB_TRY(record_helpers(subject_.home, subject_.spec.name, running_.helpers));
    if (subject_.spec.network.joined)
        MSB_TRY(join_network(subject_.home, subject_.installation, subject_.spec));
    step_ = "build_vm";
    return {};
}

Status Launch::wait_until_ready() {
    const auto deadline = std::chrono::steady_clock::now() + ready_deadline;
    std::string buffer;
    while (!ready_) {
        if (cancelled())
            return fail(ErrorKind::cancelled, "cancelled");
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorKind::timed_out, "the runtime did not report in time");
        if (!MSB_TRY(sys::wait_for(report_.get(), POLLIN, tick)))
            continue;
        Bytes chunk(4096);
        const std::size_t count = MSB_TRY(sys::read(report_.get(), chunk));
        if (count == 0 || buffer.size() > max_report_line)
            return fail(ErrorKind::system, "the runtime ended before the sandbox was ready");
        buffer.append(as_text(BytesView(chunk).first(count)));
        for (std::size_t end; (end = buffer.find('\n')) != std::string::npos;
             buffer.erase(0, end + 1))
            MSB_TRY(take_report(MSB_TRY(LaunchReport::from_json(buffer.substr(0, end)))));
    }
    return {};
}

Status Launch::take_report(const LaunchReport& report) {
    switch (report.kind) {
    case LaunchReport::Kind::failed:
        boot_error_ = report.error;
        return fail(ErrorKind::system, report.error->stage + ": " + report.error->message);
    case LaunchReport::Kind::ready: ready_ = true; break;
    case LaunchReport::Kind::stage:
        running_.stages.push_back({report.stage, report.time_ns});
        break;
    }
    return {};
}

void Launch::give_up(const Error& error) {
    if (!boot_error_ && error.kind() != ErrorKind::cancelled)
        boot_error_ = BootError::from(step_, error);
    if (running_.runtime.pid() > 0) {
        (void)running_.runtime.signal(SIGKILL);
        (void)running_.runtime.wait(kill_wait);
    }
    given_.clear(); // helpers whose runtime was never started end by this
    for (Child& helper : running_.helpers) {
        if (helper.wait(own_end).value_or(std::nullopt))
            continue;
        (void)helper.signal(SIGKILL);
        (void)helper.wait(kill_wait);
    }
    lock_.reset();
}

} // namespace msb
