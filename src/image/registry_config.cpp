#include "image/registry_config.hpp"

#include "image/user_config.hpp"

namespace msb::image {

Result<RegistryConfig> read_registry_config(const std::string& home, const std::string& domain) {
    const UserConfig config = MSB_TRY(read_user_config(home));
    const Json& registries = json_member(config.content, "registries");
    const Json& host = json_member(json_member(registries, "hosts"), domain.c_str());
    return RegistryConfig{.ca_certs = json_string(registries, "ca_certs"),
                          .insecure = json_bool(host, "insecure")};
}

} // namespace msb::image
