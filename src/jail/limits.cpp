#include "jail/limits.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace msb::jail {

namespace {

/// RLIMIT_DATA does not count a stack. This is also the size that threads get.
constexpr std::uint64_t stack_bytes = std::uint64_t{8} << 20;

Step lower(__rlimit_resource which, std::uint64_t value, const char* name) {
    rlimit limit{};
    MSB_STEP(check(::getrlimit(which, &limit), "getrlimit", name));
    limit.rlim_max = std::min<rlim_t>(limit.rlim_max, value);
    limit.rlim_cur = limit.rlim_max;
    return check(::setrlimit(which, &limit), "setrlimit", name);
}

} // namespace

Step apply(const Limits& limits) {
    // 1, not 0: a core_pattern that is a pipe ignores 0, but takes 1 as "no dump" (core(5)). A dump
    // would hand guest memory to a host program.
    MSB_STEP(lower(RLIMIT_CORE, 1, "RLIMIT_CORE"));
    MSB_STEP(lower(RLIMIT_MEMLOCK, limits.locked_bytes, "RLIMIT_MEMLOCK"));
    MSB_STEP(lower(RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE"));
    MSB_STEP(lower(RLIMIT_RTPRIO, 0, "RLIMIT_RTPRIO"));
    MSB_STEP(lower(RLIMIT_STACK, stack_bytes, "RLIMIT_STACK"));
    const struct {
        std::uint64_t value;
        __rlimit_resource which;
        const char* name;
    } others[] = {
        {limits.open_files, RLIMIT_NOFILE, "RLIMIT_NOFILE"},
        {limits.processes, RLIMIT_NPROC, "RLIMIT_NPROC"},
        {limits.file_bytes, RLIMIT_FSIZE, "RLIMIT_FSIZE"},
        {limits.data_bytes, RLIMIT_DATA, "RLIMIT_DATA"},
        {limits.address_bytes, RLIMIT_AS, "RLIMIT_AS"},
        {limits.signals, RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
    };
    for (const auto& other : others)
        if (other.value != 0)
            MSB_STEP(lower(other.which, other.value, other.name));
    return {};
}

} // namespace msb::jail
