#include "image/registry_config.hpp"

#include "base/file.hpp"
#include "image/json.hpp"

#include <cstdlib>

namespace msb::image {

namespace {

constexpr std::size_t max_config_size = std::size_t{4} << 20;

} // namespace

Result<RegistryConfig> read_registry_config(const std::string& home, const std::string& domain) {
    const char* given = std::getenv("MSB_CONFIG_PATH");
    const std::string path = given && *given != '\0' ? given : home + "/config.json";
    const auto text = read_file(path, max_config_size);
    if (!text && text.error().kind() == ErrorKind::not_found)
        return RegistryConfig();
    if (!text)
        return fail(text.error());
    const Json config = MSB_TRY(parse_json_object(*text, "configuration '" + path + "'"));
    const Json& registries = json_member(config, "registries");
    const Json& host = json_member(json_member(registries, "hosts"), domain.c_str());
    return RegistryConfig{.ca_certs = json_string(registries, "ca_certs"),
                          .insecure = json_bool(host, "insecure")};
}

} // namespace msb::image
