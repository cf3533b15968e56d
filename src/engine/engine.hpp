// Engines run guest instructions. An engine is a vhost-user front-end: it is told where the device
// sockets are, and knows nothing about disks, networks or images.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::engine {

enum class EngineKind { uml, kvm };
/// "uml", "kvm".
std::string_view to_string(EngineKind kind);

/// A kernel and what is needed to use it: a directory with a manifest.json.
struct KernelBundle {
    std::string directory; ///< Where the bundle is, as seen by the process that starts the engine.
    std::string name;      ///< "uml-tuned"
    EngineKind engine = EngineKind::uml;
    std::string version; ///< "7.2.13"
    std::string kernel;  ///< File name in the directory.
    // File names, in the order they are to be inserted.
    std::vector<std::string> modules;          ///< in every guest
    std::vector<std::string> net_modules;      ///< beyond those, in guests with a network
    std::vector<std::string> mounts_modules;   ///< and in those with directories of the host
    std::vector<std::string> optional_modules; ///< for programs that ask for them
    std::vector<std::string> module_lists;     ///< by which these are found, and what is built in
    std::string cmdline; ///< Words this kernel wants, e.g. "initcall_blacklist=...".
    bool tuned = false;  ///< Built by this project for fast boot.
    bool smp = false;    ///< Runs on more than one CPU.
    std::string hash;    ///< Of the content.

    std::string kernel_path() const { return directory + "/" + kernel; }
};

/// Optional features of a guest, beyond disks and the host's channel.
struct Features {
    bool net = false;
    bool mounts = false;
};
/// File name of the initramfs (in share/microsandbox/initramfs) with the modules for these
/// features.
std::string initramfs_name(const KernelBundle& bundle, Features features);

/// Reads and checks one bundle. corrupt if the manifest is not as it must be or files are missing.
Result<KernelBundle> load_kernel_bundle(const std::string& directory);

struct FoundBundles {
    std::vector<KernelBundle> bundles; ///< Best first: tuned, then newest.
    std::vector<Error> broken;
};
/// All bundles in `kernels_directory` (share/microsandbox/kernels). Absent directory: none.
FoundBundles find_kernel_bundles(const std::string& kernels_directory);

/// Says which bundle is to be used: "auto" for the best, a bundle's name, or the path of its folder.
inline constexpr std::string_view auto_kernel = "auto";
/// Every error says what there is.
Result<KernelBundle> choose_kernel_bundle(const std::string& kernels_directory, EngineKind engine,
                                          std::string_view choice);

/// A virtio device served by a vhost-user back-end that already listens on `path`.
struct DeviceSocket {
    std::uint32_t virtio_id; ///< virtio 1.2 §5: 1 net, 2 block, 4 entropy, 19 vsock, ...
    std::string path; ///< As seen by the caller. Made connectable for the engine (mode 0666):
                      ///< keep it in a directory that only the owner can enter.
};

struct Machine {
    unsigned vcpus = 1;
    std::uint64_t memory_bytes = 0; ///< Guest RAM, including what the kernel itself takes.
    KernelBundle kernel;
    std::string initramfs;             ///< Path of an uncompressed newc archive.
    std::vector<DeviceSocket> devices; ///< Probed by the guest in this order.
    /// Receives the console: a pipe or socket, written without blocking the guest for long only if
    /// it is read. -1 = nowhere.
    int console_fd = -1;
    /// Guest users are kept apart from the guest kernel (`--security restricted`). Slower with uml.
    bool isolate_guest_users = false;
    std::string extra_cmdline; ///< Words for the guest kernel, space separated.
    bool quiet = true;         ///< No kernel messages but warnings.
    /// All processes of the machine share one of the host's CPUs, the one that balance() chooses.
    bool one_cpu = false;
    int kvm_device = -1; ///< The kvm engine: /dev/kvm, open for reading and writing.
    /// The caller is the runtime in its jail (jail.hpp); false: the engine makes all namespaces.
    bool nested = true;
};

/// Least and most guest memory the uml engine takes, in bytes.
constexpr std::uint64_t minimum_memory = std::uint64_t{32} << 20;
constexpr std::uint64_t maximum_memory = std::uint64_t{64} << 30;

struct Exit {
    enum class Reason {
        powered_off, ///< The guest ended by itself (power-off, halt or reboot).
        panic,       ///< The guest kernel panicked; the console says why.
        killed,      ///< stop(), or somebody's SIGKILL (the host's out-of-memory killer for one).
        crashed,     ///< The engine itself failed.
    };
    Reason reason;
    int code = 0;       ///< As a shell gives it: the engine's exit code, or 128 + signal number.
    std::string detail; ///< One line for people.
};
/// "powered_off", ...
std::string_view to_string(Exit::Reason reason);

/// What a machine makes of the host.
struct Activity {
    std::chrono::nanoseconds cpu_time{}; ///< so far
    /// It waits for an event: not for a CPU or a disk of the host, not to be continued by somebody.
    bool asleep = false;
    std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now(); ///< when seen
};

class Engine {
  public:
    /// Starts the machine in its jail. Errors: invalid_argument or limit_exceeded for a machine no
    /// engine can be, unsupported for what this engine cannot do, permission_denied for a kernel or
    /// initramfs that the engine's user cannot read.
    static Result<std::unique_ptr<Engine>> start(EngineKind kind, const Machine& machine);

    virtual ~Engine() = default; ///< Kills what still runs.

    /// Readable when the machine has ended.
    virtual int pidfd() const = 0;
    /// Ends the machine at once, as pulling the plug. Safe to repeat.
    virtual Status stop() = 0;
    /// How it ended, or nothing after `timeout`.
    virtual Result<std::optional<Exit>> wait(std::chrono::milliseconds timeout) = 0;
    /// Nothing if the host does not tell.
    virtual std::optional<Activity> activity() const = 0;
    /// To be called now and then: moves the machine to another of the host's CPUs if that is better
    /// (placement.hpp). True: it is busy, look again after placement_period.
    virtual bool balance() = 0;
};

} // namespace msb::engine
