#include "engine/sizes.hpp"

#include "base/sizes.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <sched.h>
#include <unistd.h>

namespace msb::engine {

namespace {

std::unexpected<Error> refuse(ErrorKind kind, std::string message, std::string hint) {
    return fail(Error(kind, std::move(message)).with_hint(std::move(hint)));
}

std::string plural(std::uint64_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

Status check_cpus(const KernelBundle& kernel, const Sizes& sizes, const HostSizes& host) {
    if (sizes.vcpus > host.cpus)
        return refuse(ErrorKind::limit_exceeded,
                      fmt::format("{}: this machine has {}", plural(sizes.vcpus, "CPU"), host.cpus),
                      fmt::format("use --cpus {} or less", kernel.smp ? host.cpus : 1));
    if (sizes.vcpus > 1 && !kernel.smp)
        return refuse(ErrorKind::unsupported,
                      fmt::format("{}: the kernel {} {} runs on one", plural(sizes.vcpus, "CPU"),
                                  kernel.name, kernel.version),
                      "use --cpus 1");
    if (sizes.max_vcpus > sizes.vcpus)
        return refuse(ErrorKind::unsupported,
                      fmt::format("at most {} while the machine runs: the {} engine cannot add any",
                                  plural(sizes.max_vcpus, "CPU"), to_string(kernel.engine)),
                      fmt::format("leave out --max-cpus, or use --max-cpus {}", sizes.vcpus));
    return {};
}

Status check_memory(const KernelBundle& kernel, const Sizes& sizes, const HostSizes& host) {
    if (sizes.memory_mib < minimum_memory / mib)
        return refuse(ErrorKind::invalid_argument,
                      fmt::format("{} MiB of memory is too little for the {} engine",
                                  sizes.memory_mib, to_string(kernel.engine)),
                      fmt::format("use at least --memory {}M", minimum_memory / mib));
    const std::uint64_t most = std::min(maximum_memory / mib, host.memory_mib);
    if (sizes.memory_mib > host.memory_mib)
        return refuse(ErrorKind::limit_exceeded,
                      fmt::format("{} MiB of memory: this machine has {} MiB", sizes.memory_mib,
                                  host.memory_mib),
                      fmt::format("use --memory {}M or less", most));
    if (sizes.memory_mib > most)
        return refuse(ErrorKind::limit_exceeded,
                      fmt::format("{} MiB of memory is too much for the {} engine",
                                  sizes.memory_mib, to_string(kernel.engine)),
                      fmt::format("use --memory {}M or less", most));
    if (sizes.max_memory_mib > sizes.memory_mib)
        return refuse(
            ErrorKind::unsupported,
            fmt::format("at most {} MiB of memory while the machine runs: the {} engine cannot add "
                        "any",
                        sizes.max_memory_mib, to_string(kernel.engine)),
            fmt::format("leave out --max-memory, or use --max-memory {}M", sizes.memory_mib));
    return {};
}

} // namespace

HostSizes host_sizes() {
    HostSizes host;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    // Fails on hosts of more than 1024 CPUs; those have enough of them.
    host.cpus = ::sched_getaffinity(0, sizeof(cpus), &cpus) == 0
                    ? static_cast<unsigned>(CPU_COUNT(&cpus))
                    : static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
    const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
    const auto page = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_PAGESIZE)));
    host.memory_mib = pages / (mib / page);
    return host;
}

Status check_sizes(const KernelBundle& kernel, const Sizes& sizes, const HostSizes& host) {
    MSB_TRY(check_cpus(kernel, sizes, host));
    MSB_TRY(check_memory(kernel, sizes, host));
    // A User Mode Linux kernel has no huge pages: "when asked for" and "never" are what it does.
    if (sizes.thp == "always" && kernel.engine == EngineKind::uml)
        return refuse(ErrorKind::unsupported,
                      "transparent huge pages 'always': the uml engine's kernels have none",
                      "use --thp madvise (the default) or --thp never");
    return {};
}

} // namespace msb::engine
