#include "agent/core/limits.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <cerrno>
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

Status try_limits(const std::vector<wire::Rlimit>& limits) {
    const auto parsed = MSB_TRY(parse_limits(limits));
    for (std::size_t i = 0; i < limits.size(); ++i) {
        const auto resource = static_cast<__rlimit_resource>(parsed[i].resource);
        const rlimit wanted{parsed[i].soft, parsed[i].hard};
        rlimit before{};
        if (::prlimit(0, resource, &wanted, &before) == 0) {
            ::prlimit(0, resource, &before, nullptr);
            continue;
        }
        Error error = Error::from_errno(errno, "resource limit",
                                        limits[i].resource + "=" + std::to_string(wanted.rlim_cur) +
                                            ":" + std::to_string(wanted.rlim_max));
        if (resource == RLIMIT_NOFILE)
            if (auto most = read_file("/proc/sys/fs/nr_open", 32))
                return fail(std::move(error).wrap("a guest process can have at most " +
                                                  most->substr(0, most->find('\n')) +
                                                  " open files"));
        return fail(std::move(error));
    }
    return {};
}

} // namespace msb::agent
