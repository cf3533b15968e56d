// Which engine this machine can run, and which one a sandbox gets.
#pragma once

#include "engine/engine.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace msb::engine {

struct KvmProbe {
    bool usable = false;
    std::string reason; ///< "a 64-bit guest runs", or why not, for people.
    std::string hint;   ///< What would make it usable; may be empty.
};

/// Runs a guest of a few instructions, in at most 1.4 s, because nothing less tells: some hosts
/// have the device and create machines, but run no ordinary guest.
KvmProbe probe_kvm();

/// The same, remembered in `cache_directory` until the host boots again or changes its kernel.
/// An empty directory name remembers nothing.
KvmProbe probe_kvm_cached(const std::string& cache_directory);

/// The same, with what is needed beside the device: a kernel. Not usable if `kernels_directory` has none for kvm.
KvmProbe require_kvm_kernel(KvmProbe probe, const std::string& kernels_directory);

/// How the uml engine can run guest processes: in seccomp mode if `usable`, else in ptrace mode,
/// which is slower (and what `--security restricted` always uses).
struct SeccompModeProbe {
    bool usable = false;
    std::string reason; ///< For people, as a sentence without a capital.
};

/// Traps one system call as the engine traps a guest's. 1 ms.
SeccompModeProbe probe_seccomp_mode();
/// The same, remembered as probe_kvm_cached() does.
SeccompModeProbe probe_seccomp_mode_cached(const std::string& cache_directory);

/// What lies between a guest and the host.
enum class Isolation {
    user_mode, ///< A jailed user process that is the guest kernel.
    hardware,  ///< The CPU's virtualisation.
};
/// "user-mode", "hardware".
std::string_view to_string(Isolation isolation);
Isolation isolation_of(EngineKind kind);

/// "auto" (nothing), "uml", "kvm". invalid_argument for anything else.
Result<std::optional<EngineKind>> parse_engine(std::string_view name);

struct EngineChoice {
    EngineKind kind = EngineKind::uml;
    Isolation isolation = Isolation::user_mode;
    /// Why this one, as a sentence without a capital: "KVM cannot be used: ...".
    std::string reason;
    bool fell_back = false; ///< A stronger engine was wanted first.
};

/// Errors (unsupported) say why, and what to do. `required`: refuse anything weaker.
Result<EngineChoice> choose(std::optional<EngineKind> requested, Isolation required,
                            const std::string& cache_directory,
                            const std::string& kernels_directory);
/// The same with what a probe has found.
Result<EngineChoice> choose(std::optional<EngineKind> requested, Isolation required,
                            const KvmProbe& probe);

} // namespace msb::engine
