// What `msb mcp` tells the program mcp, as its one argument: a JSON document. Both are of one version.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "mcp/limits.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace msb::mcp {

struct Config {
    std::string prefix; ///< of the installation
    Limits limits;
    std::optional<Endpoint> http; ///< else stdin and stdout
    /// Has the token that HTTP clients show, in its first line; it is made if it is missing. Empty: a new
    /// token for this time.
    std::string token_file;

    std::string to_json() const;
    static Result<Config> from_json(std::string_view text);
};

} // namespace msb::mcp
