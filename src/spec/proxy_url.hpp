// The upstream proxy of a sandbox, as it is asked for. Its credentials are never part of that.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace msb {

/// "http://HOST:PORT" or "socks5://HOST:PORT"; http's port is 8080 and socks5's 1080 if not given.
struct ProxyUrl {
    bool socks = false;
    std::string host; ///< a name or an address, without brackets
    std::uint16_t port = 0;
    std::string username, password; ///< only of one that comes from the environment

    /// `credentials`: it may have USER:PASSWORD@.
    static Result<ProxyUrl> parse(std::string_view text, bool credentials);
};

/// Of a specification: a URL, or "env": that of HTTPS_PROXY or ALL_PROXY when the sandbox starts.
Status validate_proxy(const std::string& proxy);

} // namespace msb
