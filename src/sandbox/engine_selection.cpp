#include "sandbox/engine_selection.hpp"

#include "base/file.hpp"
#include "engine/engine.hpp"
#include "engine/probe.hpp"
#include "engine/sizes.hpp"

#include <fmt/format.h>

namespace msb {

namespace {

engine::Features features_of(const SandboxSpec& spec) {
    return {.net = spec.network.active(), .mounts = !spec.mounts.empty()};
}

} // namespace

Result<EngineSelection> select_engine(const Home& home, const Installation& installation,
                                      const SandboxSpec& spec) {
    const std::string kernels = installation.share() + "/kernels";
    const auto choice =
        MSB_TRY(engine::choose(MSB_TRY(engine::parse_engine(spec.engine)),
                               spec.require_hardware_isolation ? engine::Isolation::hardware
                                                               : engine::Isolation::user_mode,
                               home.cache(), kernels));
    const engine::KernelBundle bundle =
        MSB_TRY(engine::choose_kernel_bundle(kernels, choice.kind, spec.kernel));
    MSB_TRY(engine::check_sizes(bundle,
                                {.vcpus = spec.cpus,
                                 .max_vcpus = spec.max_cpus,
                                 .memory_mib = spec.memory_mib,
                                 .max_memory_mib = spec.max_memory_mib,
                                 .thp = spec.thp},
                                engine::host_sizes()));
    EngineSelection selection;
    selection.engine = engine::to_string(choice.kind);
    selection.isolation = engine::to_string(choice.isolation);
    selection.kernel_bundle = bundle.directory;
    selection.kernel_name = bundle.name;
    selection.initramfs =
        installation.share() + "/initramfs/" + engine::initramfs_name(bundle, features_of(spec));
    if (!exists(selection.initramfs))
        return fail(Error(ErrorKind::not_found, "no initramfs '" + selection.initramfs + "'")
                        .with_hint("build the project again: make build"));
    if (choice.fell_back)
        selection.notice = fmt::format(
            "sandboxes are isolated in user mode, not by hardware ({}); `msb doctor` says more",
            choice.reason);
    if (choice.kind == engine::EngineKind::uml && spec.security != SecurityProfile::restricted) {
        const auto seccomp = engine::probe_seccomp_mode_cached(home.cache());
        selection.ptrace = !seccomp.usable;
        if (selection.ptrace)
            selection.ptrace_notice = fmt::format(
                "guest processes run in ptrace mode, which is slower ({}); `msb doctor` says more",
                seccomp.reason);
    }
    return selection;
}

} // namespace msb
