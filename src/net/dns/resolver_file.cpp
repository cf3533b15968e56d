#include "net/dns/resolver_file.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "net/dns/resolvers.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace msb::net {

namespace {

bool same(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

} // namespace

bool ResolverFile::is_new(const struct stat& info) {
    return info.st_dev != seen_.st_dev || info.st_ino != seen_.st_ino ||
           info.st_size != seen_.st_size || !same(info.st_mtim, seen_.st_mtim) ||
           !same(info.st_ctim, seen_.st_ctim);
}

std::optional<std::vector<Endpoint>> ResolverFile::changed(Clock::time_point now) {
    if (path_.empty() || now - looked_ < least_age)
        return std::nullopt;
    looked_ = now;
    const auto fd = sys::open(path_, O_RDONLY);
    struct stat info{};
    if (!fd || ::fstat(fd->get(), &info) == -1 || !is_new(info))
        return std::nullopt;
    Bytes text(most_resolver_file);
    const ssize_t size = ::read(fd->get(), text.data(), text.size());
    if (size <= 0)
        return std::nullopt;
    const auto config =
        dns::parse_resolver_config(as_text(BytesView(text).first(static_cast<std::size_t>(size))));
    if (config.servers.empty())
        return std::nullopt;
    seen_ = info;
    return resolvers_of(config);
}

} // namespace msb::net
