// Starting the runtime of a sandbox and waiting until its guest is ready.
#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "jail/jail.hpp"
#include "net/host_dialer.hpp"
#include "sandbox/group.hpp"
#include "sandbox/launch/fsd.hpp"
#include "sandbox/launch/netd.hpp"
#include "sandbox/sandboxes.hpp"

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
constexpr std::size_t max_report_line = 64 << 10;

struct LaunchFiles {
    std::vector<OwnedFd> owned;
    std::vector<std::pair<int, int>> map; ///< number in the runtime <- ours

    void give(int number, OwnedFd fd) {
        map.emplace_back(number, fd.get());
        owned.push_back(std::move(fd));
    }
};

// A runtime writes to its sandbox's directory: a link that it has left there leads nowhere.

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

Status open_image(LaunchFiles& fds, const image::Image& image, LaunchConfig& config) {
    int number = launch_fd_root;
    for (const image::DiskPiece& piece : image.disk) {
        fds.give(number++, MSB_TRY_WRAP(sys::open(piece.path, O_RDONLY),
                                        "image '" + image.reference + "' is incomplete"));
        config.root.push_back(piece.length);
    }
    return {};
}

} // namespace

Result<Running> Sandboxes::launch(OwnedFd lock, const SandboxSpec& spec, const image::Image& image,
                                  const EngineSelection& engine, const LaunchOptions& options,
                                  bool first) {
    const SandboxFiles files{home_.sandbox(spec.name)};
    const std::string sockets = home_.socket_directory(spec.name);
    Running running;
    running.name = spec.name;

    std::string_view step = "other"; // of ours that is under way, for a boot error
    const auto spawned = [&]() -> Result<OwnedFd> {
        MSB_TRY(remove_tree(sockets));
        MSB_TRY(make_directories(sockets, 0700));
        MSB_TRY(make_directories(files.logs(), 0700)); // which somebody may have tidied away
        MSB_TRY(require_directory(files.logs()));
        MSB_TRY(sys::unlink(files.boot_error()));
        MSB_TRY(sys::unlink(home_.kill_request(spec.name)));
        MSB_TRY(sys::unlink(home_.runtime_pid(spec.name)));
        LaunchConfig config;
        config.spec = spec;
        if (!options.log_level.empty())
            config.spec.log_level = options.log_level;
        config.engine = engine.engine;
        config.isolation = engine.isolation;
        config.ptrace = engine.ptrace;
        config.startup = options.startup;
        config.attached = options.attached;
        config.make_workdir = spec.workdir == image.config.working_dir;
        config.need_workdir = first;

        LaunchFiles fds;
        step = "disk";
        fds.give(launch_fd_upper, MSB_TRY(open_disk(files.upper())));
        step = "image";
        MSB_TRY(open_image(fds, image, config));
        step = "mount";
        const MountSources mounts = MSB_TRY(MountSources::open(spec.mounts));
        for (const MountSources::Source& source : mounts.sources)
            config.file_mounts.push_back(source.file);
        step = "build_vm";
        MSB_TRY(remove_sandbox_group(home_, spec.name)); // with the limits of an earlier size
        const OwnedFd group = make_sandbox_group(home_, spec);
        auto report = MSB_TRY(sys::pipe());
        auto parent = MSB_TRY(sys::pipe());
        OwnedFd log = MSB_TRY(sys::open(
            files.runtime_log(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0600));
        fds.give(STDERR_FILENO, std::move(log));
        if (spec.network.active()) {
            step = "network";
            config.network =
                NetworkPlan::make(spec.name, net::host_has_route(false), net::host_has_route(true));
            auto network = MSB_TRY(start_network(
                spec.network, *config.network, home_.root(), installation_.program("netd"),
                sockets + "/" + network_socket, config.spec.log_level, group.get()));
            running.network = std::move(network.process);
            fds.give(launch_fd_network, std::move(network.lifeline));
            step = "build_vm";
        }
        fds.give(launch_fd_config,
                 MSB_TRY(sys::memfd("launch-config", as_bytes(config.to_json()))));
        fds.give(launch_fd_lock, std::move(lock));
        fds.give(launch_fd_report, std::move(report[1]));
        fds.give(launch_fd_parent, std::move(parent[0]));
        OwnedFd lifeline;
        if (!spec.mounts.empty()) {
            auto sockets_of_both = MSB_TRY(sys::socket_pair(SOCK_SEQPACKET));
            lifeline = std::move(sockets_of_both[0]);
            fds.give(launch_fd_fs, std::move(sockets_of_both[1]));
        }

        jail::Request request;
        request.role = jail::Role::runtime;
        request.argv = {"/runtime", spec.name};
        request.binds = {
            {installation_.program("runtime"), "/runtime", false, true},
            {files.directory, jail_sandbox, true, false},
            // What the next start believes; as a mount it cannot be replaced either.
            {files.spec(), std::string(jail_sandbox) + "/spec.json", false, false},
            {sockets, jail_sockets, true, false},
            {engine.kernel_bundle, jail_kernel, false, true},
            {engine.initramfs, jail_initramfs, false, false},
        };
        request.fds = fds.map;
        request.control_group = group.get();
        request.new_session = true;
        // A disk that is thrown away needs no goodbye; others are shut down by the watch pipe.
        request.die_with_parent = options.attached && spec.ephemeral && !options.detachable;
        if (lifeline) {
            step = "mount";
            const FileServer server{.installation = installation_,
                                    .sockets = sockets,
                                    .control_group = group.get(),
                                    .lifeline = lifeline.get()};
            running.file_server = MSB_TRY(server.start(spec.mounts, mounts));
            step = "build_vm";
        }
        running.runtime = MSB_TRY(jail::spawn(request));
        MSB_TRY(write_file_atomic(home_.runtime_pid(spec.name),
                                  std::to_string(running.runtime.pid()), 0600, false));
        if (options.attached)
            running.parent_watch = std::move(parent[1]);
        return std::move(report[0]);
    }();
    Status ready = spawned ? wait_until_ready(running, spawned->get(), options)
                           : Status(fail(spawned.error()));
    if (!ready) {
        lock.reset(); // still ours if the failure came before the runtime got it
        return fail(launch_failed(running, spec, step, ready.error()));
    }
    return running;
}

Status Running::leave(std::uint64_t session) {
    MSB_TRY(sys::write_all(parent_watch.get(), object_bytes(session)));
    parent_watch.reset();
    return {};
}

void Running::end_servers() {
    for (Child* server : {&network, &file_server}) {
        if (server->pid() <= 0)
            continue;
        if (const auto ended = server->wait(1s); ended && *ended)
            continue;
        (void)server->signal(SIGKILL);
        (void)server->wait(1s);
    }
}

Status Sandboxes::wait_until_ready(Running& running, int report_fd, const LaunchOptions& options) {
    const auto deadline = std::chrono::steady_clock::now() + ready_deadline;
    std::string buffer;
    for (;;) {
        if (options.wait_tick && options.wait_tick())
            return fail(ErrorKind::cancelled, "cancelled");
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorKind::timed_out, "the runtime did not report in time");
        if (!MSB_TRY(sys::wait_for(report_fd, POLLIN, tick)))
            continue;
        Bytes chunk(4096);
        const std::size_t count = MSB_TRY(sys::read(report_fd, chunk));
        if (count == 0 || buffer.size() > max_report_line)
            return fail(ErrorKind::system, "the runtime ended before the sandbox was ready");
        buffer.append(as_text(BytesView(chunk).first(count)));
        for (std::size_t end; (end = buffer.find('\n')) != std::string::npos;
             buffer.erase(0, end + 1)) {
            const auto report = MSB_TRY(LaunchReport::from_json(buffer.substr(0, end)));
            if (report.kind == LaunchReport::Kind::failed) {
                boot_error_ = report.error;
                return fail(ErrorKind::system, report.error->stage + ": " + report.error->message);
            }
            if (report.kind == LaunchReport::Kind::ready)
                return {};
            running.stages.push_back({report.stage, report.time_ns});
        }
    }
}

Error Sandboxes::launch_failed(Running& running, const SandboxSpec& spec, std::string_view step,
                               const Error& error) {
    const SandboxFiles files{home_.sandbox(spec.name)};
    if (running.runtime.pid() > 0) {
        (void)running.runtime.signal(SIGKILL);
        (void)running.runtime.wait(5s);
    }
    running.end_servers();
    if (!boot_error_ && error.kind() != ErrorKind::cancelled)
        record_boot_error(spec.name, BootError::from(step, error));
    if (const auto held = lock(spec.name, 5s)) {
        if (spec.ephemeral) {
            (void)erase_files(spec.name);
        } else {
            (void)remove_tree(home_.socket_directory(spec.name));
            (void)remove_sandbox_group(home_, spec.name);
            SandboxState state = SandboxState::load(files.state());
            state.status = SandboxStatus::stopped;
            state.reason = reason::failed;
            state.detail = error.to_string();
            state.updated_at_ns = state.stopped_at_ns = unix_time_ns();
            (void)state.store(files.state());
        }
    }
    return Error(error).wrap("failed to start \"" + spec.name + "\"");
}

void Sandboxes::record_boot_error(const std::string& name, BootError error) {
    const SandboxFiles files{home_.sandbox(name)};
    if (require_directory(files.logs()))
        (void)write_file_atomic(files.boot_error(), error.to_json(), 0600, false);
    boot_error_ = std::move(error);
}

void Sandboxes::load_boot_error(const std::string& name) {
    boot_error_.reset();
    if (const auto text =
            read_regular_file(SandboxFiles{home_.sandbox(name)}.boot_error(), 1 << 20))
        if (auto error = BootError::from_json(*text))
            boot_error_ = std::move(*error);
}

} // namespace msb
