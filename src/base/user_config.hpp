// The user's configuration file: where it is, and its text. Each part of the program reads its own
// members of it.
#pragma once

#include "base/result.hpp"

#include <string>

namespace msb {

struct UserConfig {
    std::string path;
    std::string text; ///< empty: there is no such file

    /// What MSB_CONFIG_PATH names, else config.json in `home`.
    static Result<UserConfig> read(const std::string& home);
};

} // namespace msb
