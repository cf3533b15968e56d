// Starting a sandbox's runtime process: what it is told, and what it reports back.
#pragma once

#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/result.hpp"
#include "metrics/slot_writer.hpp"
#include "spec/boot_error.hpp"
#include "spec/network_plan.hpp"
#include "spec/spec.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace msb {

/// The command that a detached sandbox runs by itself; the sandbox stops when it ends.
struct StartupCommand {
    std::vector<std::string> argv;
    std::vector<std::string> env; ///< "K=V"
    std::string cwd;              ///< empty: "/"
    std::string user;             ///< empty: root
    bool tty = false;
};

/// What there is behind a mount of the spec.
struct MountBacking {
    enum class Kind {
        directory,      ///< which fsd serves
        file,           ///< likewise
        disk,           ///< which the runtime serves
        formatted_disk, ///< which another process serves
        memory,         ///< of the guest
    } kind = Kind::directory;
    std::string tag; ///< the device's name in the guest, and its socket's with ".sock" behind it
    std::string directory = {}; ///< of a device that several shares have; else empty
    bool operator==(const MountBacking&) const = default;
};

/// Everything the runtime needs, as one JSON document on a descriptor: nothing of it shows up in
/// `ps`. Host and runtime are of one version; the document has no compatibility promise.
struct LaunchConfig {
    SandboxSpec spec;
    /// Lengths in bytes of the root disk's pieces, which are launch_fd_root, launch_fd_root + 1,
    /// ...
    std::vector<std::uint64_t> root;
    bool disk = true;      ///< launch_fd_upper is a disk that the guest writes to
    std::string engine;    ///< "uml"
    std::string isolation; ///< "user-mode" or "hardware"
    bool ptrace = false;   ///< guest processes in ptrace mode, whatever the security profile
    std::optional<StartupCommand> startup;
    std::optional<NetworkPlan> network; ///< netd serves net.sock
    bool intercepts = false;            ///< tlsd tells whom the guest has to trust
    std::string host_authorities;       ///< whom else, in PEM form
    /// launch_fd_metrics is the segment in which it publishes what it uses.
    std::optional<metrics::Place> metrics;
    bool attached = false; ///< stop when the watch pipe's other end is closed
    /// The image names the working directory: it is made if it is missing, as other container tools
    /// do, because many an image relies on that.
    bool make_workdir = false;
    /// Booting fails if the working directory is missing. Set at the first start, to catch
    /// misspellings; later a sandbox that has lost the directory must still start.
    bool need_workdir = false;
    std::vector<MountBacking> mounts; ///< of each mount in the spec
    /// What fsd serves is mounted.
    bool has_shares() const;
    bool has_formatted_disks() const;

    std::string to_json() const;
    static Result<LaunchConfig> from_json(std::string_view text);
};

/// Descriptors the runtime starts with; 2 is runtime.log.
enum LaunchFd : int {
    launch_fd_config = 3,   ///< the LaunchConfig document
    launch_fd_lock = 4,     ///< the lifecycle lock, held
    launch_fd_report = 5,   ///< LaunchReport lines go here
    launch_fd_parent = 6,   ///< read end of a pipe; end of file = the parent is gone
    launch_fd_upper = 7,    ///< the writable disk
    launch_fd_fs = 8,       ///< with mounts: the lifeline of fsd, which serves them
    launch_fd_network = 9,  ///< netd's lifeline, if there is a network
    launch_fd_disks = 10,   ///< the lifeline of what serves formatted disks, if there are any
    launch_fd_tls = 11,     ///< tlsd's lifeline, if TLS is intercepted
    launch_fd_kvm = 12,     ///< /dev/kvm, if the engine is kvm
    launch_fd_metrics = 13, ///< the metrics' segment, if it has a slot there
    launch_fd_root = 14,    ///< first piece of the root disk; behind the last, the disks of mounts
};

// What the runtime sees in its jail.
inline constexpr const char* jail_sandbox = "/sandbox";   ///< the sandbox's directory, writable
inline constexpr const char* jail_sockets = "/run";       ///< its socket directory, writable
inline constexpr const char* network_socket = "net.sock"; ///< in the socket directory
inline constexpr const char* jail_kernel = "/kernel";     ///< the kernel bundle
inline constexpr const char* jail_initramfs = "/initramfs";

/// One line each from the runtime: stages as they are passed, then ready or failed.
struct LaunchReport {
    enum class Kind { stage, ready, failed } kind = Kind::stage;
    std::string stage;              ///< "engine", "kernel", "agent", "root"
    std::int64_t time_ns = 0;       ///< CLOCK_MONOTONIC
    std::optional<BootError> error; ///< kind failed

    std::string to_json_line() const;
    static Result<LaunchReport> from_json(std::string_view line);
};

} // namespace msb
