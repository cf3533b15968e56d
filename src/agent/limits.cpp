#include "agent/limits.hpp"

#include <algorithm>
#include <string_view>
#include <sys/resource.h>

namespace msb::agent {

namespace {
struct Name {
    std::string_view name;
    int resource;
};
constexpr Name names[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};
} // namespace

Result<std::vector<ResourceLimit>> parse_limits(const std::vector<wire::Rlimit>& limits) {
    std::vector<ResourceLimit> parsed;
    for (const wire::Rlimit& limit : limits) {
        const auto* found = std::ranges::find(names, limit.resource, &Name::name);
        if (found == std::end(names))
            return fail(ErrorKind::invalid_argument,
                        "unknown resource limit '" + limit.resource + "'");
        if (limit.soft > limit.hard)
            return fail(ErrorKind::invalid_argument,
                        "resource limit '" + limit.resource + "': soft is above hard");
        parsed.push_back({found->resource, limit.soft, limit.hard});
    }
    return parsed;
}

} // namespace msb::agent
