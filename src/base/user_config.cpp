#include "base/user_config.hpp"

#include "base/file.hpp"

#include <cstdlib>

namespace msb {

namespace {

constexpr std::size_t max_config_size = std::size_t{4} << 20;

} // namespace

Result<UserConfig> UserConfig::read(const std::string& home) {
    const char* given = std::getenv("MSB_CONFIG_PATH");
    UserConfig config{given && *given != '\0' ? given : home + "/config.json", {}};
    auto text = read_file(config.path, max_config_size);
    if (!text && text.error().kind() != ErrorKind::not_found)
        return fail(text.error());
    if (text)
        config.text = std::move(*text);
    return config;
}

} // namespace msb
