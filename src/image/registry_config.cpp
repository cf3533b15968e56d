#include "image/registry_config.hpp"

#include "base/user_config.hpp"
#include "image/json.hpp"

namespace msb::image {

Result<RegistryConfig> read_registry_config(const std::string& home, const std::string& domain) {
    const UserConfig file = MSB_TRY(UserConfig::read(home));
    if (file.text.empty())
        return RegistryConfig();
    const Json config = MSB_TRY(parse_json_object(file.text, "configuration '" + file.path + "'"));
    const Json& registries = json_member(config, "registries");
    const Json& host = json_member(json_member(registries, "hosts"), domain.c_str());
    return RegistryConfig{.ca_certs = json_string(registries, "ca_certs"),
                          .insecure = json_bool(host, "insecure")};
}

} // namespace msb::image
