#include "sandbox/engine_selection.hpp"

#include "base/file.hpp"
#include "engine/engine.hpp"

namespace msb {

Result<EngineSelection> select_engine(const Home&, const Installation& installation,
                                      const SandboxSpec& spec) {
    if (spec.engine == "kvm" || spec.require_hardware_isolation)
        return fail(Error(ErrorKind::unsupported,
                          "no engine with hardware isolation can be used on this machine")
                        .with_hint("`msb doctor` says why; --engine uml isolates in user mode"));
    auto found = engine::find_kernel_bundles(installation.share() + "/kernels");
    if (found.bundles.empty()) {
        if (!found.broken.empty())
            return fail(Error(found.broken.front()).wrap("no usable kernel"));
        return fail(Error(ErrorKind::not_found,
                          "no kernel in '" + installation.share() + "/kernels'")
                        .with_hint("`make run` fetches one, `make kernel` builds the fast one"));
    }
    const engine::KernelBundle& bundle = found.bundles.front();
    EngineSelection selection;
    selection.engine = engine::to_string(bundle.engine);
    selection.isolation = "user-mode";
    selection.kernel_bundle = bundle.directory;
    selection.initramfs = installation.share() + "/initramfs/" + bundle.name + ".cpio";
    if (!exists(selection.initramfs))
        return fail(Error(ErrorKind::not_found, "no initramfs '" + selection.initramfs + "'")
                        .with_hint("build the project again: make build"));
    return selection;
}

} // namespace msb
