// The part of the user's config.json that says how to reach registries:
//   {"registries": {"ca_certs": "/path.pem", "hosts": {"host:port": {"insecure": true}}}}
#pragma once

#include "base/result.hpp"

#include <string>

namespace msb::image {

struct RegistryConfig {
    std::string ca_certs;  ///< PEM file, or empty.
    bool insecure = false; ///< This host speaks plain HTTP.
};

/// For the registry `domain` ("host:port").
Result<RegistryConfig> read_registry_config(const std::string& home, const std::string& domain);

} // namespace msb::image
