// Changing what a sandbox is while it runs, or before it runs again.
#include "base/file.hpp"
#include "base/system.hpp"
#include "net/config.hpp"
#include "sandbox/launch/netd.hpp"
#include "sandbox/runtime_door.hpp"
#include "sandbox/sandboxes.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds change_wait = 5s, pause = 20ms, connect_time = 500ms;

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

} // namespace msb
