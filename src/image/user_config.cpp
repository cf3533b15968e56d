#include "image/user_config.hpp"

#include "base/file.hpp"

#include <cstdlib>

namespace msb::image {

std::string user_config_path(const std::string& home) {
    const char* given = std::getenv("MSB_CONFIG_PATH");
    return given != nullptr && *given != '\0' ? given : home + "/config.json";
}

Result<UserConfig> read_user_config(const std::string& home) {
    UserConfig config{.path = user_config_path(home), .content = {}};
    const auto text = read_file(config.path, max_user_config_bytes);
    if (!text && text.error().kind() == ErrorKind::not_found)
        return config;
    if (!text)
        return fail(text.error());
    config.content = MSB_TRY(parse_json_object(*text, "configuration '" + config.path + "'"));
    return config;
}

} // namespace msb::image
