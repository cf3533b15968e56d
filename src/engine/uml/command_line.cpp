#include "base/sizes.hpp"
#include "engine/uml/uml.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <sstream>

namespace msb::engine::uml {

namespace {

/// arch/um: COMMAND_LINE_SIZE, with room for what the kernel appends itself.
constexpr std::size_t longest_command_line = 4096 - 64;
constexpr std::chrono::nanoseconds jiffy = std::chrono::milliseconds(10); // UML has HZ=100

/// The kernel's own loop (arch/x86/um/delay.c): one decrement and one jump a turn.
void delay_loop(std::uint64_t turns) {
    asm volatile(".balign 16\n"
                 "1: dec %0\n"
                 "   jnz 1b\n"
                 : "+a"(turns)
                 :
                 : "cc");
}

void append_words(std::vector<std::string>& arguments, const std::string& words) {
    std::istringstream stream(words);
    for (std::string word; stream >> word;)
        arguments.push_back(word);
}

Status validate(const Machine& machine) {
    if (machine.vcpus == 0)
        return fail(ErrorKind::invalid_argument, "a machine needs a CPU");
    if (machine.vcpus > 1 && !machine.kernel.smp)
        return fail(Error(ErrorKind::unsupported,
                          fmt::format("{} CPUs: the kernel runs on one", machine.vcpus))
                        .with_hint("use --cpus 1"));
    if (machine.memory_bytes < minimum_memory)
        return fail(Error(ErrorKind::invalid_argument,
                          fmt::format("{} MiB of memory is too little for the uml engine",
                                      machine.memory_bytes / mib))
                        .with_hint(fmt::format("use at least {} MiB", minimum_memory / mib)));
    if (machine.memory_bytes > maximum_memory)
        return fail(Error(ErrorKind::limit_exceeded,
                          fmt::format("{} MiB of memory is too much for the uml engine",
                                      machine.memory_bytes / mib))
                        .with_hint(fmt::format("use at most {} MiB", maximum_memory / mib)));
    return {};
}

} // namespace

std::uint64_t measure_loops_per_jiffy() {
    using Clock = std::chrono::steady_clock;
    constexpr std::uint64_t turns = 100'000; // some 40 µs
    auto best = std::chrono::nanoseconds::max();
    for (int attempt = 0; attempt < 4; ++attempt) {
        const auto start = Clock::now();
        delay_loop(turns);
        best = std::min<std::chrono::nanoseconds>(best, Clock::now() - start);
    }
    const auto spent = static_cast<std::uint64_t>(std::max<std::int64_t>(best.count(), 1));
    return turns * static_cast<std::uint64_t>(jiffy.count()) / spent;
}

Result<std::vector<std::string>> command_line(const Machine& machine,
                                              std::uint64_t loops_per_jiffy) {
    MSB_TRY(validate(machine));
    std::vector<std::string> arguments{"/kernel/" + machine.kernel.kernel};
    if (machine.quiet)
        arguments.emplace_back("quiet"); // first: it also silences what the arguments print
    arguments.insert(
        arguments.end(),
        {
            fmt::format("mem={}", machine.memory_bytes),
            "initrd=/initramfs",
            // ptrace mode keeps guest memory out of guest processes; seccomp mode is faster.
            machine.isolate_guest_users ? "seccomp=off" : "seccomp=on",
            "con0=fd:1",
            "con=none",
            "loglevel=3", // the 15 unused consoles are reported as errors
            "uml_dir=/dev/shm",
            "dummy.numdummies=0", // a driver that is built in makes an interface to nowhere
            "noreboot",           // a guest that reboots ends, as one that powers off
            fmt::format("lpj={}", loops_per_jiffy),
        });
    if (machine.vcpus > 1)
        arguments.push_back(fmt::format("ncpus={}", machine.vcpus));
    for (std::size_t i = 0; i < machine.devices.size(); ++i)
        arguments.push_back(
            fmt::format("virtio_uml.device=/s/{}:{}", i, machine.devices[i].virtio_id));
    append_words(arguments, machine.kernel.cmdline);
    append_words(arguments, machine.extra_cmdline);

    std::size_t length = 0;
    for (const std::string& word : arguments)
        length += word.size() + 1;
    if (length > longest_command_line)
        return fail(ErrorKind::limit_exceeded,
                    fmt::format("kernel command line of {} bytes is longer than {}", length,
                                longest_command_line));
    return arguments;
}

} // namespace msb::engine::uml
