// The proxy that a guest's connections go through.
#pragma once

#include "base/address.hpp"

#include <string>

namespace msb::net {

struct Proxy {
    enum class Kind { http, socks5 };
    Kind kind = Kind::http;
    Endpoint endpoint;
    std::string username, password; ///< empty: none are needed
    std::string exempt;             ///< what is reached without it (net/proxy/exemptions.hpp)

    bool operator==(const Proxy&) const = default;
};

} // namespace msb::net
