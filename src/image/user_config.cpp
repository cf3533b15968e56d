#include "image/user_config.hpp"

#include "base/file.hpp"

#include <cstdlib>

namespace msb::image {

namespace {

constexpr std::size_t max_config_size = std::size_t{4} << 20;

} // namespace

Result<UserConfig> read_user_config(const std::string& home) {
    const char* given = std::getenv("MSB_CONFIG_PATH");
    UserConfig config{.path = given && *given != '\0' ? given : home + "/config.json",
                      .content = {}};
    const auto text = read_file(config.path, max_config_size);
    if (!text && text.error().kind() == ErrorKind::not_found)
        return config;
    if (!text)
        return fail(text.error());
    config.content = MSB_TRY(parse_json_object(*text, "configuration '" + config.path + "'"));
    return config;
}

} // namespace msb::image
