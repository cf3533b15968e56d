#include "jail/limits.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace msb::jail {

namespace {

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
    if (limits.open_files != 0)
        MSB_STEP(lower(RLIMIT_NOFILE, limits.open_files, "RLIMIT_NOFILE"));
    if (limits.processes != 0)
        MSB_STEP(lower(RLIMIT_NPROC, limits.processes, "RLIMIT_NPROC"));
    if (limits.file_bytes != 0)
        MSB_STEP(lower(RLIMIT_FSIZE, limits.file_bytes, "RLIMIT_FSIZE"));
    if (limits.data_bytes != 0)
        MSB_STEP(lower(RLIMIT_DATA, limits.data_bytes, "RLIMIT_DATA"));
    return {};
}

} // namespace msb::jail
