// The user's config.json: MSB_CONFIG_PATH, else config.json in `home`. A missing file is an empty
// configuration.
#pragma once

#include "image/json.hpp"

namespace msb::image {

struct UserConfig {
    std::string path;
    Json content; ///< Null if there is no file.
};

inline constexpr std::size_t max_user_config_bytes = std::size_t{4} << 20;

std::string user_config_path(const std::string& home);
Result<UserConfig> read_user_config(const std::string& home);

} // namespace msb::image
