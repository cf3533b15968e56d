#include "engine/diagnosis.hpp"

#include "base/file.hpp"
#include "base/process.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "jail/jail.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace msb::engine {

namespace {

using Level = Check::Level;

std::string size_text(std::uint64_t bytes) {
    return bytes >= 10 * gib ? fmt::format("{} GiB", bytes / gib)
                             : fmt::format("{} MiB", bytes / mib);
}

/// A number in a file of /proc/sys; nothing if there is no such file.
std::optional<std::uint64_t> setting(const std::string& path) {
    const auto text = read_file(path, 4096);
    std::uint64_t value = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::nullopt;
    return value;
}

std::string platform() {
    utsname names{};
    ::uname(&names);
    return fmt::format("{} {} ({})", names.sysname, names.machine, names.release);
}

// ---- isolation ----------------------------------------------------------------------------------

Check check_cpu() {
    const auto text = read_file("/proc/cpuinfo", 64 << 20).value_or("");
    const char* found = text.find(" vmx ") != std::string::npos   ? "vmx"
                        : text.find(" svm ") != std::string::npos ? "svm"
                                                                  : nullptr;
    if (found != nullptr)
        return {"cpu-virtualisation", "CPU virt", Level::ok, found, "", ""};
    return {"cpu-virtualisation",
            "CPU virt",
            Level::advice,
            "none",
            "this CPU, or the machine around it, offers no hardware virtualisation",
            "enable VT-x or AMD-V in the firmware, or nested virtualisation for this machine"};
}

Check check_kvm(const KvmProbe& probe) {
    return {"kvm",
            "KVM guest",
            probe.usable ? Level::ok : Level::advice,
            probe.usable ? probe.reason : "does not run",
            probe.usable ? "" : probe.reason,
            probe.hint};
}

Check check_engine(const std::optional<EngineChoice>& engine) {
    if (!engine)
        return {"engine", "engine", Level::problem, "none", "no engine can run here", ""};
    const std::string value =
        fmt::format("{} ({} isolation)", to_string(engine->kind), to_string(engine->isolation));
    if (engine->isolation == Isolation::hardware)
        return {"engine", "engine", Level::ok, value, "", ""};
    return {"engine",
            "engine",
            Level::advice,
            value,
            "guests run on a kernel that is a confined user process: what separates them from this "
            "machine is the jail around it, not the CPU. " +
                engine->reason,
            "use --require-isolation hardware to refuse this; --security restricted to also keep "
            "guest users from the guest's kernel"};
}

Check check_namespaces(const jail::Support& support) {
    if (support.user_namespaces)
        return {"jail", "jail", Level::ok, "namespaces, empty root, seccomp", "", ""};
    return {"jail",
            "jail",
            Level::problem,
            "cannot be built",
            support.user_namespaces_detail,
            !support.user_namespaces_hint.empty()
                ? support.user_namespaces_hint
                : "in a container, allow nested user namespaces and mounts"};
}

Check check_seccomp(const jail::Support& support) {
    if (support.seccomp)
        return {"seccomp", "seccomp", Level::ok, "filters", "", ""};
    return {"seccomp",
            "seccomp",
            Level::problem,
            "absent",
            "this kernel cannot end a process for a system call that it may not make",
            "boot a kernel >= 4.14 with CONFIG_SECCOMP_FILTER"};
}

Check check_landlock(const jail::Support& support) {
    if (support.landlock_abi > 0)
        return {"landlock", "Landlock", Level::ok, fmt::format("ABI {}", support.landlock_abi),
                "",         ""};
    return {"landlock",
            "Landlock",
            Level::advice,
            "absent",
            "the empty root alone keeps jailed processes from files",
            "boot a kernel >= 5.13 with landlock in its lsm= list"};
}

Check check_identity(const jail::Support& support) {
    return {"engine-user",
            "engine user",
            Level::ok,
            support.private_ids ? "its own, owns nothing" : "the same as yours",
            "",
            ""};
}

Check check_control_group(const jail::Support& support) {
    if (support.cgroup)
        return {"control-group",
                "cgroup",
                Level::ok,
                support.cgroup_all ? "memory, processes, CPU" : "memory (cgroup v1)",
                "",
                ""};
    return {"control-group",
            "cgroup",
            Level::advice,
            "none",
            "each process of a sandbox is limited, their sum is not: " + support.cgroup_detail,
            "use a machine with cgroup v2 only; without root, start msb below a user service: "
            "systemd-run --user --scope -p Delegate=yes msb ..."};
}

Check check_guest_processes(const SeccompModeProbe& probe) {
    if (probe.usable)
        return {"guest-processes", "guest procs", Level::ok, "seccomp mode", "", ""};
    return {"guest-processes",
            "guest procs",
            Level::advice,
            "ptrace mode",
            "guest processes run in ptrace mode, which is slower: " + probe.reason,
            "run msb outside of what filters its system calls, on a kernel >= 5.9 with "
            "CONFIG_SECCOMP_FILTER"};
}

Check check_ptrace() {
    const auto scope = setting("/proc/sys/kernel/yama/ptrace_scope");
    if (!scope || *scope < 3)
        return {"restricted-mode", "restricted", Level::ok, "works", "", ""};
    return {
        "restricted-mode",
        "restricted",
        Level::advice,
        "does not work",
        "kernel.yama.ptrace_scope=3 forbids what --security restricted needs with the uml engine",
        "set kernel.yama.ptrace_scope to 2 or less and boot again"};
}

// ---- parts --------------------------------------------------------------------------------------

Check check_programs(const std::vector<std::string>& programs) {
    Check check{"programs",   "programs", Level::problem,
                "incomplete", "",         "build or install msb again"};
    for (const std::string& program : programs) {
        if (::access(program.c_str(), X_OK) == 0)
            continue;
        if (is_mounted_noexec(program)) {
            check.value = "not executable";
            check.detail = fmt::format("{} is on a file system mounted noexec", program);
            check.hint = "mount it with exec, or install msb elsewhere";
        } else {
            check.detail = fmt::format("{} is missing", program);
        }
        return check;
    }
    return {"programs", "programs", Level::ok, "complete", "", ""};
}

/// Where the engine's user could not read or execute the kernel.
std::string unusable_because(const KernelBundle& bundle, const std::string& initramfs) {
    if (is_mounted_noexec(bundle.directory))
        return fmt::format("{} is on a file system mounted noexec", bundle.directory);
    const auto kernel = sys::stat(bundle.kernel_path());
    const bool is_program = bundle.engine == EngineKind::uml;
    const mode_t needed = is_program ? 0005 : 0004;
    if (::geteuid() == 0 && kernel && (kernel->st_mode & needed) != needed)
        return fmt::format("{} is not readable{} by all", bundle.kernel_path(),
                           is_program ? " and executable" : "");
    if (!exists(initramfs))
        return fmt::format("{} is missing", initramfs);
    return {};
}

/// The others by name, best first, for who wants to choose.
std::string other_kernels(const FoundBundles& found, const KernelBundle& used) {
    std::string text;
    for (const KernelBundle& bundle : found.bundles)
        if (bundle.directory != used.directory)
            text += fmt::format("{}{} {}", text.empty() ? " (also here: " : ", ", bundle.name,
                                bundle.version);
    return text.empty() ? text : text + ")";
}

/// `choice`: of MSB_KERNEL.
Check check_kernel(const std::string& share, EngineKind engine, const std::string& choice) {
    const FoundBundles found = find_kernel_bundles(share + "/kernels");
    if (found.bundles.empty())
        return {"kernel",
                "kernel",
                Level::problem,
                "none",
                found.broken.empty() ? fmt::format("no kernel in {}/kernels", share)
                                     : found.broken.front().to_string(),
                "make kernel-any fetches one, make kernel builds the fast one"};
    const auto chosen = choose_kernel_bundle(share + "/kernels", engine, choice);
    if (!chosen)
        return {"kernel",
                "kernel",
                Level::problem,
                "none",
                chosen.error().to_string(),
                "set MSB_KERNEL to another one, or unset it"};
    const KernelBundle& best = *chosen;
    const std::string value =
        fmt::format("{} {}{}{}", best.name, best.version,
                    choice == auto_kernel ? "" : ", by MSB_KERNEL", other_kernels(found, best));
    const std::string trouble =
        unusable_because(best, fmt::format("{}/initramfs/{}", share, initramfs_name(best, {})));
    if (!trouble.empty())
        return {"kernel",
                "kernel",
                Level::problem,
                value,
                trouble,
                is_mounted_noexec(best.directory) ? "mount it with exec, or install msb elsewhere"
                                                  : "build or install msb again"};
    if (!found.broken.empty())
        return {"kernel",
                "kernel",
                Level::advice,
                value,
                found.broken.front().to_string(),
                "remove the broken bundle"};
    if (!best.tuned && engine == EngineKind::uml)
        return {"kernel",
                "kernel",
                Level::advice,
                value,
                "a distribution's kernel boots several times slower than one built for this",
                "make kernel (6 to 12 minutes, once)"};
    return {"kernel", "kernel", Level::ok, value, "", ""};
}

// ---- resources ----------------------------------------------------------------------------------

std::string nearest_existing(std::string path) {
    while (!exists(path) && path.size() > 1) {
        const auto slash = path.rfind('/');
        path = slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
    }
    return path;
}

bool can_create_in(const std::string& directory) {
    std::string name = directory + "/.msb-doctor.XXXXXX";
    const OwnedFd fd(::mkostemp(name.data(), O_CLOEXEC));
    return fd && ::unlink(name.c_str()) == 0;
}

Check check_home(const std::string& home) {
    const std::string place = nearest_existing(home);
    struct statfs system{};
    if (!can_create_in(place) || ::statfs(place.c_str(), &system) != 0)
        return {"home",
                "home",
                Level::problem,
                "not writable",
                fmt::format("{} cannot be written", place),
                "set MSB_HOME to a directory of your own"};
    const auto free =
        static_cast<std::uint64_t>(system.f_bavail) * static_cast<std::uint64_t>(system.f_bsize);
    const std::string value = fmt::format("{} free", size_text(free));
    if (system.f_type == TMPFS_MAGIC)
        return {"home",
                "home",
                Level::advice,
                value + ", in memory",
                "images and disks take memory and are gone after the next boot",
                "set MSB_HOME to a directory on a disk"};
    if (free < gib)
        return {"home",
                "home",
                Level::advice,
                value,
                "an image may not fit",
                fmt::format("make room below {}", place)};
    return {"home", "home", Level::ok, value, "", ""};
}

/// Tries FICLONE between two files: the answer depends on file system, version and format.
std::optional<bool> can_reflink(const std::string& directory) {
    const auto make = [&directory] { return sys::open(directory, O_TMPFILE | O_RDWR, 0600); };
    const auto from = make(), to = make();
    const std::array<std::uint8_t, 4096> block{};
    if (!from || !to || !sys::pwrite_all(from->get(), block, 0))
        return std::nullopt;
    return ::ioctl(to->get(), FICLONE, from->get()) == 0;
}

Check check_reflink(const std::string& home) {
    const auto works = can_reflink(nearest_existing(home));
    const char* value = !works   ? "not checked"
                        : *works ? "reflink supported"
                                 : "copy fallback: reflink unavailable";
    return {"root-clone", "Root clone", Level::ok, value, "", ""};
}

Check check_memory() {
    const auto text = read_file("/proc/meminfo", 64 << 10).value_or("");
    std::uint64_t kib = 0;
    constexpr std::string_view key = "MemAvailable:";
    if (const auto at = text.find(key); at != std::string::npos) {
        const auto digits = text.find_first_not_of(' ', at + key.size());
        std::from_chars(text.data() + digits, text.data() + text.size(), kib);
    }
    const std::string value = fmt::format("{} available", size_text(kib * 1024));
    if (kib * 1024 < 512 * mib)
        return {"memory",
                "memory",
                Level::advice,
                value,
                "a sandbox of the default size may not fit",
                "use --memory with less"};
    return {"memory", "memory", Level::ok, value, "", ""};
}

} // namespace

std::string_view to_string(Check::Level level) {
    switch (level) {
    case Level::ok: return "ok";
    case Level::advice: return "advice";
    case Level::problem: return "problem";
    }
    return "?";
}

bool Diagnosis::healthy() const {
    return std::ranges::none_of(checks,
                                [](const Check& check) { return check.level == Level::problem; });
}

Diagnosis diagnose(const DiagnosisInput& input) {
    Diagnosis diagnosis;
    diagnosis.platform = platform();
    const KvmProbe kvm = require_kvm_kernel(probe_kvm(), input.share + "/kernels");
    const jail::Support support = jail::examine();
    // Without a jail no engine may run.
    if (auto choice = choose(std::nullopt, Isolation::user_mode, kvm);
        choice && support.user_namespaces)
        diagnosis.engine = *choice;
    diagnosis.checks = {
        check_programs(input.programs),
        check_kernel(input.share, diagnosis.engine ? diagnosis.engine->kind : EngineKind::uml,
                     input.kernel),
        check_home(input.home),
        check_reflink(input.home),
        check_memory(),
        check_cpu(),
        check_kvm(kvm),
        check_engine(diagnosis.engine),
        check_namespaces(support),
        check_seccomp(support),
        check_landlock(support),
        check_identity(support),
        check_control_group(support),
        check_guest_processes(probe_seccomp_mode()),
        check_ptrace(),
    };
    return diagnosis;
}

} // namespace msb::engine
