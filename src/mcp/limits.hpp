// What a client of the protocol may do and take.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace msb::mcp {

struct Limits {
    /// Directories of the host that tools may read, write and mount; without any, none.
    std::vector<std::string> allowed;
    std::size_t max_output = std::size_t{1} << 20; ///< of one call, in bytes
    std::chrono::milliseconds timeout{120'000};    ///< of a command that says nothing else
    std::chrono::seconds session_ttl{900};         ///< a started command that nobody asks for
};

} // namespace msb::mcp
