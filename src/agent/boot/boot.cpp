// Theory of operation
//
// The kernel starts us as process 1 in a RAM file system that holds this program and, for kernels
// that need them, modules. Everything else comes over the control channel, whose first message is
// the bootstrap document. System calls and page faults are expensive under user-mode Linux, and
// all of this is on the path of every `msb run`, so: one process, no threads, each thing done once,
// and the host prepares its answers while we mount.
//
//   modules     -> vsock is there
//   transport   -> connected; /dev is mounted while the host accepts
//   bootstrap   -> the document is read
//   image       -> the read-only lower is mounted
//   root        -> lower + upper -> overlay -> "/"
//   user        -> sent to the host (core.init.resolved), which answers while we go on
//   mounts, workdir, identity, network, limits, listen
//   acknowledge -> the host's answer is there; core.ready may be sent
//   init        -> if asked for: process 1 is the image's init system, we are its child
//
// What only programs need is done after that, while the host brings us the first command.

#include "agent/boot/boot.hpp"

#include "agent/boot/cpuinfo.hpp"
#include "agent/boot/handoff.hpp"
#include "agent/boot/identity.hpp"
#include "agent/boot/made.hpp"
#include "agent/boot/modules.hpp"
#include "agent/boot/mounts.hpp"
#include "agent/boot/network.hpp"
#include "agent/boot/root.hpp"
#include "agent/boot/scripts.hpp"
#include "agent/boot/settings.hpp"
#include "agent/boot/stores.hpp"
#include "agent/boot/transport.hpp"
#include "agent/boot/trust.hpp"
#include "agent/core/limits.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "wire/transport.hpp"

#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace msb::agent {

namespace {

using namespace std::chrono_literals;

constexpr auto transport_timeout = 10s;
constexpr auto host_timeout = 60s;
constexpr rlim_t agent_descriptors = 65'536;
constexpr rlim_t command_descriptors = 1024;
constexpr rlim_t command_descriptors_hard = 524'288;

Result<Config> make_config(const wire::Bootstrap& bootstrap) {
    Config config;
    config.environment = bootstrap.default_env;
    config.user = bootstrap.user.value_or("");
    config.directory = bootstrap.default_cwd.value_or("/");
    // The agent itself needs more descriptors than a command should start with.
    config.limits = {{RLIMIT_NOFILE, command_descriptors, command_descriptors_hard}};
    const auto limits = MSB_TRY(parse_limits(bootstrap.rlimits));
    config.limits.insert(config.limits.end(), limits.begin(), limits.end());
    config.restricted = bootstrap.security_profile == wire::SecurityProfile::restricted;
    config.scripts = ::access("/.msb/scripts", F_OK) == 0;
    config.stop_signal = bootstrap.stop_signal.value_or(config.stop_signal);
    if (bootstrap.stop_grace_ms)
        config.stop_grace = std::chrono::milliseconds(*bootstrap.stop_grace_ms);
    return config;
}

Status check_directory(const wire::Bootstrap& bootstrap) {
    const std::string path = bootstrap.default_cwd.value_or("/");
    if (bootstrap.make_default_cwd.value_or(false) && !exists(path))
        MSB_TRY(make_own_directories(path));
    if (!bootstrap.need_default_cwd.value_or(false))
        return {};
    struct stat info{};
    if (::stat(path.c_str(), &info) == -1)
        return fail_errno("working directory", path);
    if (!S_ISDIR(info.st_mode))
        return fail(Error::from_errno(ENOTDIR, "working directory", path));
    return {};
}

/// Steps of boot(); the member `stage` names the one that is running.
class Boot {
  public:
    explicit Boot(Machine& machine) : machine_(machine) {}

    Status run() {
        stage = "modules";
        MSB_TRY(load_modules());
        stage = "transport";
        machine_.control =
            ControlChannel(MSB_TRY(connect_to_host(wire::control_port, transport_timeout)));
        MSB_TRY(mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID));
        stage = "bootstrap";
        auto bootstrap = MSB_TRY(machine_.control.expect<wire::Bootstrap>(host_timeout));
        machine_.ephemeral = bootstrap.ephemeral;
        if (bootstrap.unix_time_nanos)
            set_clock(*bootstrap.unix_time_nanos, 10ms);
        stage = "image";
        if (bootstrap.block_root)
            MSB_TRY(mount_image(*bootstrap.block_root));
        stage = "root";
        if (bootstrap.block_root)
            machine_.initramfs = MSB_TRY(assemble_root(*bootstrap.block_root, bootstrap.ephemeral));
        machine_.times.init_time_ns = boot_clock_ns();
        stage = "user";
        machine_.control.send(MSB_TRY(resolve_default_user(bootstrap.user.value_or(""))));
        stage = "mounts";
        MSB_TRY(mount_system());
        if (bootstrap.block_root && bootstrap.block_root->kind == wire::RootKind::oci_erofs)
            mount_stores(machine_.initramfs.get());
        MSB_TRY(mount_writable(bootstrap));
        if (auto own = make_own_directory())
            machine_.own_directory = std::move(*own);
        else if (!bootstrap.scripts.empty())
            return fail(own.error());
        MSB_TRY(install_scripts(bootstrap.scripts));
        // Whose the files of shares are depends on the default user, which the host knows by then.
        if (!bootstrap.dir_mounts.empty() || !bootstrap.file_mounts.empty())
            MSB_TRY(acknowledge());
        MSB_TRY(mount_asked(bootstrap));
        stage = "workdir";
        MSB_TRY(check_directory(bootstrap));
        stage = "identity";
        MSB_TRY(set_up_host_identity(bootstrap));
        stage = "network";
        if (bootstrap.network)
            MSB_TRY(set_up_network(*bootstrap.network));
        stage = "identity";
        if (bootstrap.entropy)
            MSB_TRY(seed_random(*bootstrap.entropy));
        install_trust(bootstrap, bootstrap.default_env);
        stage = "limits";
        MSB_TRY(try_limits(bootstrap.rlimits));
        stage = "serve";
        machine_.config = MSB_TRY(make_config(bootstrap));
        machine_.report_usage = bootstrap.report_usage.value_or(false);
        machine_.listener = MSB_TRY(listen_on(wire::client_port));
        const rlimit descriptors{agent_descriptors, command_descriptors_hard};
        ::setrlimit(RLIMIT_NOFILE, &descriptors);
        stage = "init";
        std::optional<Handoff> handoff;
        if (bootstrap.handoff_init)
            handoff = MSB_TRY(prepare_handoff(*bootstrap.handoff_init, bootstrap.default_env,
                                              machine_.config.limits));
        stage = "acknowledge";
        MSB_TRY(acknowledge());
        stage = "init";
        if (handoff) {
            set_up_for_programs(machine_);
            MSB_TRY(hand_over(*handoff));
            machine_.has_init = machine_.config.beside_init = true;
        }
        return {};
    }

    const char* stage = "start";

  private:
    Status acknowledge() {
        if (!std::exchange(acknowledged_, true))
            MSB_TRY(machine_.control.expect<wire::InitAck>(host_timeout));
        return {};
    }

    Machine& machine_;
    bool acknowledged_ = false;
};

} // namespace

std::expected<void, BootError> boot(Machine& machine) {
    machine.times.boot_time_ns = boot_clock_ns();
    machine.times.agent_version = MSB_VERSION;
    // A launching child shares our memory under another user's identity (launch.cpp).
    ::prctl(PR_SET_DUMPABLE, 0);
    // A guest full of busy processes still answers.
    ::setpriority(PRIO_PROCESS, 0, -20);
    Boot steps(machine);
    if (Status status = steps.run(); !status)
        return std::unexpected(BootError{steps.stage, std::move(status).error()});
    return {};
}

void set_up_for_programs(const Machine& machine) {
    if (machine.own_directory) {
        show_processors(machine.own_directory.get());
        if (machine.initramfs)
            offer_modules(machine.initramfs.get());
    }
    apply_settings();
}

std::uint64_t boot_clock_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

void set_clock(std::uint64_t unix_ns, std::chrono::nanoseconds tolerance) {
    const auto wanted = static_cast<std::int64_t>(unix_ns);
    const std::int64_t off = wanted - unix_time_ns();
    if (wanted < 0 || std::abs(off) <= tolerance.count())
        return;
    const timespec time{wanted / 1'000'000'000, wanted % 1'000'000'000};
    ::clock_settime(CLOCK_REALTIME, &time);
}

} // namespace msb::agent
