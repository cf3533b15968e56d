// The user's config.json: MSB_CONFIG_PATH, else config.json in `home`. A missing file is an empty
// configuration.
#pragma once

#include "image/json.hpp"

namespace msb::image {

struct UserConfig {
    std::string path;
    Json content; ///< Null if there is no file.
};

Result<UserConfig> read_user_config(const std::string& home);

} // namespace msb::image
