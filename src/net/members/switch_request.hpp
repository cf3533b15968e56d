// What a command asks the switch of a private network for: one message of JSON, with one descriptor if
// it is to join, and one answer. Both are of one version.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb::net {

/// The descriptor that the switch starts with: a listening socket for commands.
inline constexpr int switch_fd_listener = 3;

struct SwitchRequest {
    static constexpr std::size_t most_bytes = 4096;

    /// Joins; empty: nobody, it only asks who is there.
    std::string member;
    IpAddress address;

    std::string to_json() const;
    static Result<SwitchRequest> from_json(std::string_view text);
    bool operator==(const SwitchRequest&) const = default;
};

struct SwitchAnswer {
    static constexpr std::size_t most_bytes = std::size_t{64} << 10;

    std::string error; ///< empty: none
    std::vector<IpAddress> members;

    std::string to_json() const;
    static Result<SwitchAnswer> from_json(std::string_view text);
};

} // namespace msb::net
