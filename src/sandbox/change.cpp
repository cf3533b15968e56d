// Changing what a sandbox is while it runs, or before it runs again.
#include "base/file.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "net/config.hpp"
#include "sandbox/launch/netd.hpp"
#include "sandbox/runtime_door.hpp"
#include "sandbox/sandboxes.hpp"
#include "sandbox/secrets.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds change_wait = 5s, pause = 20ms, connect_time = 500ms,
                                    growth_wait = 120s;

/// Held by whoever changes the specification of a sandbox, which may run: its runtime has the
/// lifecycle lock.
Result<OwnedFd> lock_specification(const std::string& directory) {
    OwnedFd fd = MSB_TRY(sys::open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const auto deadline = std::chrono::steady_clock::now() + change_wait;
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) == -1) {
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorKind::busy, "another command changes the sandbox");
        std::this_thread::sleep_for(pause);
    }
    return fd;
}

/// Whatever its specification says now: it was started with the device.
bool runs_with_network(const Home& home, const std::string& name) {
    const std::string socket = home.socket_directory(name) + "/" + network_socket;
    return ::access(socket.c_str(), F_OK) == 0;
}

Status swap_policy(const Home& home, const SandboxSpec& spec) {
    const net::PolicyChange change{.policy = MSB_TRY(policy_of(spec.network, home.root())),
                                   .max_connections = spec.network.connections()};
    RuntimeDoor door = MSB_TRY(RuntimeDoor::connect(home.runtime_socket(spec.name), connect_time));
    wire::HostNetworkPolicy request{change.to_json()};
    constexpr std::size_t room_for_frame = 256;
    if (request.policy.size() + room_for_frame > wire::max_host_request)
        return fail(ErrorKind::limit_exceeded,
                    "the policy is too long to be changed while the sandbox runs");
    return door.ask(request);
}

} // namespace

Result<bool> Sandboxes::change_network(const std::string& name, const NetworkChange& change) {
    const OwnedFd specification = MSB_TRY(lock_specification(home_.sandbox(name)));
    SandboxView view = MSB_TRY(get(name));
    OwnedFd lifecycle;
    const bool runs = is_active(view.state.status);
    if (!runs)
        lifecycle = MSB_TRY(lock_or_say(name, change_wait));
    view.spec.network = MSB_TRY(change(view.spec.network));
    MSB_TRY(validate_spec(view.spec));
    const bool at_once = runs && runs_with_network(home_, name);
    if (at_once)
        MSB_TRY(swap_policy(home_, view.spec));
    MSB_TRY(write_file_atomic(SandboxFiles{home_.sandbox(name)}.spec(), view.spec.to_json(), 0600,
                              !view.spec.ephemeral));
    return !runs || at_once || !view.spec.network.active();
}

Result<bool> Sandboxes::change_secrets(const std::string& name, const SecretsChange& change) {
    const OwnedFd specification = MSB_TRY(lock_specification(home_.sandbox(name)));
    SandboxView view = MSB_TRY(get(name));
    OwnedFd lifecycle;
    const bool runs = is_active(view.state.status);
    if (!runs)
        lifecycle = MSB_TRY(lock_or_say(name, change_wait));
    const SecretsSpec old = view.spec.network.tls.secrets;
    SecretsSpec& secrets = view.spec.network.tls.secrets;
    const ChangedSecrets changed = MSB_TRY(change(old));
    secrets = changed.secrets;
    view.spec.network.tls.intercept = view.spec.network.tls.intercept || !secrets.empty();
    MSB_TRY(validate_spec(view.spec));
    const std::string door = home_.secrets_door(name);
    const bool at_once = runs && ::access(door.c_str(), F_OK) == 0;
    if (at_once) {
        std::vector<std::string> keep;
        for (const SecretSpec& secret : old.list)
            if (std::ranges::find(changed.fresh, secret.env) == changed.fresh.end())
                keep.push_back(secret.env);
        MSB_TRY(msb::change_secrets(door, secrets, keep));
    }
    MSB_TRY(write_file_atomic(SandboxFiles{home_.sandbox(name)}.spec(), view.spec.to_json(), 0600,
                              !view.spec.ephemeral));
    return !runs || at_once;
}

namespace {

/// What a root disk may become, and what that is besides a number.
Status check_new_size(const SandboxSpec& spec, std::uint64_t size_mib) {
    const RootDisk& disk = spec.root_disk;
    if (spec.root != RootSource::image || disk.kind == RootDisk::Kind::image)
        return fail(ErrorKind::unsupported,
                    "the root of sandbox '" + spec.name +
                        "' is not msb's: only a disk that msb made can be given another size");
    if (disk.owned() && size_mib < disk.size_mib)
        return fail(ErrorKind::invalid_argument, "a root disk cannot shrink: it has " +
                                                     std::to_string(disk.size_mib) + " MiB, not " +
                                                     std::to_string(size_mib) + " MiB or less");
    RootDisk changed = disk;
    changed.size_mib = size_mib;
    return validate_root_disk(changed, spec.memory_mib);
}

/// Makes the file of a disk of msb's larger. What is killed after that leaves one that is larger than it
/// is said to be, which nobody minds.
Status extend_file(const Home& home, const SandboxSpec& spec, std::uint64_t size_mib) {
    const SandboxFiles files{home.sandbox(spec.name)};
    const bool flat = spec.root_disk.kind == RootDisk::Kind::flat;
    const OwnedFd disk = MSB_TRY(
        sys::open(flat ? files.flat_root() : files.upper(), O_RDWR | O_NOFOLLOW | O_NONBLOCK));
    const struct stat info = MSB_TRY(sys::fstat(disk.get()));
    if (!S_ISREG(info.st_mode))
        return fail(ErrorKind::corrupt, "the disk of sandbox '" + spec.name + "' is not a file");
    if (static_cast<std::uint64_t>(info.st_size) < size_mib * mib)
        MSB_TRY(sys::truncate(disk.get(), size_mib * mib));
    return sys::fsync(disk.get(), "the disk of sandbox '" + spec.name + "'");
}

/// Has the guest extend its file system to the disk's new size, and waits until it has.
Status grow_in_guest(const std::string& socket, std::uint64_t size_mib) {
    RuntimeDoor door = MSB_TRY(RuntimeDoor::connect(socket, connect_time));
    MSB_TRY(door.ask(wire::HostRootDiskGrow{size_mib}));
    const auto deadline = std::chrono::steady_clock::now() + growth_wait;
    for (;;) {
        const auto report =
            MSB_TRY(door.query<wire::HostRootDiskReport>(wire::HostRootDiskStatus{}));
        if (report.size_mib != size_mib)
            return fail(ErrorKind::busy, "another command has given it another size");
        if (report.state == "grown")
            return {};
        if (report.state == "failed")
            return fail(ErrorKind::system, "the guest: " + report.message);
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorKind::timed_out, "the guest does not say that it has");
        std::this_thread::sleep_for(pause);
    }
}

} // namespace

Result<bool> Sandboxes::resize_root_disk(const std::string& name, std::uint64_t size_mib) {
    MSB_TRY(get(name));
    const OwnedFd specification = MSB_TRY(lock_specification(home_.sandbox(name)));
    SandboxView view = MSB_TRY(get(name));
    const bool runs = is_active(view.state.status);
    if (runs && view.state.status != SandboxStatus::running)
        return fail(ErrorKind::busy, "sandbox '" + name + "' is starting or ending");
    OwnedFd lifecycle;
    if (!runs)
        lifecycle = MSB_TRY(lock_or_say(name, change_wait));
    SandboxSpec& spec = view.spec;
    MSB_TRY(check_new_size(spec, size_mib));
    if (spec.root_disk.owned())
        MSB_TRY(extend_file(home_, spec, size_mib));
    // Written before the guest is asked: what it does not do now, it does when it starts again.
    spec.root_disk.size_mib = size_mib;
    MSB_TRY(write_file_atomic(SandboxFiles{home_.sandbox(name)}.spec(), spec.to_json(), 0600,
                              !spec.ephemeral));
    if (!runs)
        return true;
    if (!spec.root_disk.owned())
        return false;
    if (const Status grown = grow_in_guest(home_.runtime_socket(name), size_mib); !grown)
        return fail(Error(grown.error().kind(), "the root disk of sandbox '" + name +
                                                    "' has its new size, but its file "
                                                    "system does not yet: " +
                                                    grown.error().message())
                        .with_hint("say it again, or restart the sandbox: msb restart " + name));
    return true;
}

} // namespace msb
