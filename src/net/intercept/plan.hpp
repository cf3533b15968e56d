// Which connections are intercepted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace msb::net {

struct InterceptionPlan {
    std::vector<std::uint16_t> ports;
    std::vector<std::string> bypass; ///< patterns of hosts
    bool block_quic = true;
};

} // namespace msb::net
