#include "engine/probe.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/utsname.h>

namespace msb::engine {

namespace {

/// Changes whenever the answer might.
Result<std::string> host_identity() {
    std::string boot = MSB_TRY(read_file("/proc/sys/kernel/random/boot_id", 256));
    while (!boot.empty() && boot.back() == '\n')
        boot.pop_back();
    utsname names{};
    if (::uname(&names) == -1)
        return fail_errno("uname");
    return fmt::format("{} {} {}", boot, names.release, names.version);
}

/// The remembered result in `path`; an error if there is none for this host.
Result<json::Value> recall(const std::string& path, const std::string& identity) {
    json::Value known = MSB_TRY(json::parse(MSB_TRY(read_file(path, 64 << 10))));
    if (json::Reader(known).get<std::string>("host") != identity)
        return fail(ErrorKind::not_found, "another host");
    return known;
}

Result<KvmProbe> recall_kvm(const std::string& path, const std::string& identity) {
    const json::Value known = MSB_TRY(recall(path, identity));
    json::Reader document(known);
    KvmProbe probe;
    document.get("usable", probe.usable);
    document.get("reason", probe.reason);
    document.get("hint", probe.hint);
    MSB_TRY(document.status());
    return probe;
}

Result<SeccompModeProbe> recall_seccomp_mode(const std::string& path, const std::string& identity) {
    const json::Value known = MSB_TRY(recall(path, identity));
    json::Reader document(known);
    SeccompModeProbe probe;
    document.get("usable", probe.usable);
    document.get("reason", probe.reason);
    MSB_TRY(document.status());
    return probe;
}

void remember(const std::string& directory, const std::string& path, const json::Value& known) {
    // If the result cannot be stored, the next run only takes some milliseconds longer.
    if (make_directories(directory))
        (void)write_file_atomic(path, json::to_text(known) + "\n", 0644, false);
}

} // namespace

KvmProbe probe_kvm_cached(const std::string& cache_directory) {
    // Access can change at any time and is checked each time: only the guest's result is
    // remembered.
    if (const auto device = sys::open("/dev/kvm", O_RDWR); !device || cache_directory.empty())
        return probe_kvm();
    const auto identity = host_identity();
    if (!identity)
        return probe_kvm();
    const std::string path = cache_directory + "/kvm-probe.json";
    if (auto known = recall_kvm(path, *identity))
        return *known;
    KvmProbe probe = probe_kvm();
    remember(cache_directory, path,
             {{"host", *identity},
              {"usable", probe.usable},
              {"reason", probe.reason},
              {"hint", probe.hint}});
    return probe;
}

KvmProbe require_kvm_kernel(KvmProbe probe, const std::string& kernels_directory) {
    const auto is_for_kvm = [](const KernelBundle& bundle) {
        return bundle.engine == EngineKind::kvm;
    };
    if (!probe.usable ||
        std::ranges::any_of(find_kernel_bundles(kernels_directory).bundles, is_for_kvm))
        return probe;
    return {false, "it works here, but this installation has no kernel for it",
            "`make kernel ENGINE=kvm` makes one"};
}

SeccompModeProbe probe_seccomp_mode_cached(const std::string& cache_directory) {
    const auto identity = host_identity();
    if (!identity || cache_directory.empty())
        return probe_seccomp_mode();
    const std::string path = cache_directory + "/seccomp-mode-probe.json";
    // Only success is remembered: a failure may be due to this process's surroundings alone.
    if (auto known = recall_seccomp_mode(path, *identity); known && known->usable)
        return *known;
    SeccompModeProbe probe = probe_seccomp_mode();
    if (probe.usable)
        remember(cache_directory, path,
                 {{"host", *identity}, {"usable", true}, {"reason", probe.reason}});
    return probe;
}

std::string_view to_string(Isolation isolation) {
    return isolation == Isolation::hardware ? "hardware" : "user-mode";
}

Isolation isolation_of(EngineKind kind) {
    return kind == EngineKind::kvm ? Isolation::hardware : Isolation::user_mode;
}

Result<std::optional<EngineKind>> parse_engine(std::string_view name) {
    if (name == "auto")
        return std::nullopt;
    if (name == "uml")
        return EngineKind::uml;
    if (name == "kvm")
        return EngineKind::kvm;
    return fail(ErrorKind::invalid_argument,
                fmt::format("unknown engine '{}': expected auto, kvm or uml", name));
}

Result<EngineChoice> choose(std::optional<EngineKind> requested, Isolation required,
                            const std::string& cache_directory,
                            const std::string& kernels_directory) {
    if (requested == EngineKind::uml) // needs no probe
        return choose(requested, required, KvmProbe{});
    return choose(requested, required,
                  require_kvm_kernel(probe_kvm_cached(cache_directory), kernels_directory));
}

Result<EngineChoice> choose(std::optional<EngineKind> requested, Isolation required,
                            const KvmProbe& probe) {
    if (requested == EngineKind::uml && required == Isolation::hardware)
        return fail(
            Error(ErrorKind::invalid_argument, "the uml engine does not isolate by hardware")
                .with_hint("leave out --engine uml or --require-isolation hardware"));
    if (requested == EngineKind::uml)
        return EngineChoice{EngineKind::uml, Isolation::user_mode, "uml was asked for", false};
    if (probe.usable)
        return EngineChoice{EngineKind::kvm, Isolation::hardware, probe.reason, false};
    const std::string reason = fmt::format("KVM cannot be used: {}", probe.reason);
    if (requested == EngineKind::kvm || required == Isolation::hardware) {
        Error error(ErrorKind::unsupported, required == Isolation::hardware
                                                ? fmt::format("no hardware isolation: {}", reason)
                                                : reason);
        return fail(
            std::move(error).with_hint(probe.hint.empty() ? "msb doctor says more" : probe.hint));
    }
    return EngineChoice{EngineKind::uml, Isolation::user_mode, reason, true};
}

} // namespace msb::engine
