#include "engine/kvm/engine.hpp"

#include "base/sizes.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"
#include "engine/kvm/end.hpp"
#include "engine/kvm/options.hpp"
#include "engine/machine_process.hpp"

#include <fmt/core.h>
#include <sys/stat.h>

namespace msb::engine::kvm {

namespace {

Status validate(const Machine& machine) {
    if (machine.kvm_device < 0)
        return fail(ErrorKind::unsupported, "the kvm engine was given no /dev/kvm");
    if (machine.vcpus == 0)
        return invalid("a machine needs a CPU");
    if (machine.vcpus > layout::most_cpus)
        return fail(ErrorKind::limit_exceeded, fmt::format("{} CPUs: the kvm engine has at most {}",
                                                           machine.vcpus, layout::most_cpus));
    if (machine.devices.size() > layout::most_devices)
        return fail(Error(ErrorKind::limit_exceeded,
                          fmt::format("{} devices: a machine of the kvm engine has at most {}",
                                      machine.devices.size(), layout::most_devices))
                        .with_hint("mount fewer disks and directories"));
    if (machine.memory_bytes < minimum_memory || machine.memory_bytes > maximum_memory)
        return fail(ErrorKind::limit_exceeded,
                    fmt::format("{} MiB of memory: the kvm engine gives {} to {}",
                                machine.memory_bytes / mib, minimum_memory / mib,
                                maximum_memory / mib));
    return {};
}

std::string command_line(const Machine& machine) {
    // A restart, and so a panic, ends the machine; an unused bus is not looked for.
    std::string words = "console=ttyS0 loglevel=3 panic=-1 pci=off";
    if (machine.quiet)
        words += " quiet";
    for (const std::string* more : {&machine.kernel.cmdline, &machine.extra_cmdline})
        if (!more->empty())
            words += ' ' + *more;
    return words;
}

Result<jail::Request> describe(const Machine& machine) {
    MSB_TRY(validate(machine));
    MSB_TRY(require_readable(machine.kernel.kernel_path(), S_IROTH));
    MSB_TRY(require_readable(machine.initramfs, S_IROTH));
    jail::Request request;
    request.role = jail::Role::kvm;
    request.nested = machine.nested;
    request.memory_bytes = machine.memory_bytes;
    request.binds = {
        {.source = program_outside, .target = program, .executable = true},
        {.source = machine.kernel.directory, .target = "/kernel"},
        {.source = machine.initramfs, .target = "/initramfs"},
    };
    MSB_TRY(bind_devices(machine, request));
    Options options{.cpus = machine.vcpus,
                    .memory_bytes = machine.memory_bytes,
                    .kernel = "/kernel/" + machine.kernel.kernel,
                    .initramfs = "/initramfs",
                    .command_line = command_line(machine),
                    .devices = machine.devices};
    for (std::size_t i = 0; i < options.devices.size(); ++i)
        options.devices[i].path = fmt::format("/s/{}", i);
    request.argv = to_arguments(options);
    request.argv.insert(request.argv.begin(), program);
    request.fds = {{device_fd, machine.kvm_device}};
    if (machine.console_fd >= 0)
        request.fds.insert(request.fds.end(), {{1, machine.console_fd}, {2, machine.console_fd}});
    return request;
}

Exit::Reason reason_of(End end) {
    switch (end) {
    case End::powered_off:
    case End::reset: return Exit::Reason::powered_off;
    case End::panicked: return Exit::Reason::panic;
    default: return Exit::Reason::crashed;
    }
}

} // namespace

Exit explain_exit(int wait_status) {
    if (auto signal = explain_signals(wait_status))
        return *signal;
    const int code = shell_exit_code(wait_status);
    const std::string_view what = describe(static_cast<End>(code));
    if (what == "?")
        return {Exit::Reason::crashed, code,
                fmt::format("the engine failed with exit code {}", code)};
    return {reason_of(static_cast<End>(code)), code, std::string(what)};
}

Result<std::unique_ptr<Engine>> start(const Machine& machine) {
    return MachineProcess::start(MSB_TRY(describe(machine)),
                                 {.explain = explain_exit, .shows_activity = false});
}

} // namespace msb::engine::kvm
