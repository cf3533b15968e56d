#include "engine/machine_process.hpp"
#include "engine/uml/uml.hpp"

#include <csignal>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace msb::engine::uml {

namespace {

constexpr int shell_signal_base = 128;

Result<jail::Request> describe(const Machine& machine) {
    jail::Request request;
    request.role = jail::Role::uml;
    request.nested = machine.nested;
    request.argv = MSB_TRY(command_line(machine, measure_loops_per_jiffy()));
    // The kernel derives its address space from where its environment lies: there must be one.
    request.environment = {"TMPDIR=/dev/shm"};
    request.memory_bytes = machine.memory_bytes;
    MSB_TRY(require_readable(machine.kernel.kernel_path(), S_IROTH | S_IXOTH));
    MSB_TRY(require_readable(machine.initramfs, S_IROTH));
    request.binds = {
        {.source = machine.kernel.directory, .target = "/kernel", .executable = true},
        {.source = machine.initramfs, .target = "/initramfs"},
    };
    MSB_TRY(bind_devices(machine, request));
    request.one_cpu = machine.one_cpu;
    if (machine.console_fd >= 0)
        request.fds = {{1, machine.console_fd}, {2, machine.console_fd}};
    return request;
}

} // namespace

Exit explain_exit(int wait_status) {
    using enum Exit::Reason;
    const int code = shell_exit_code(wait_status);
    if (code == 0)
        return {powered_off, code, "powered off"};
    if (WIFEXITED(wait_status) &&
        code == shell_signal_base + SIGABRT) // how the kernel ends itself after a panic
        return {panic, code, "the guest kernel panicked"};
    return explain_signals(wait_status)
        .value_or(Exit{crashed, code, fmt::format("the engine failed with exit code {}", code)});
}

Result<std::unique_ptr<Engine>> start(const Machine& machine) {
    return MachineProcess::start(MSB_TRY(describe(machine)),
                                 {.explain = explain_exit, .shows_activity = true});
}

} // namespace msb::engine::uml
