// The host's resolv.conf, of which a change is noticed when somebody asks (a VPN comes or goes).
//
// netd sees the file, or the directory where a service of the host keeps it and puts new ones in its place; so it is
// opened anew each time. That is done before a lookup, at most once a second, and costs nothing otherwise.
#pragma once

#include "base/address.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace msb::net {

class ResolverFile {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds least_age{1};

    /// An empty path: there is none to follow.
    explicit ResolverFile(std::string path) : path_(std::move(path)) {}

    /// The resolvers, if they may be others than the last time. While it is being written, or is gone, the last ones
    /// count.
    std::optional<std::vector<Endpoint>> changed(Clock::time_point now);

  private:
    bool is_new(const struct stat& info);

    std::string path_;
    struct stat seen_{};
    Clock::time_point looked_{};
};

} // namespace msb::net
