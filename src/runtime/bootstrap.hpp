// Makes the bootstrap document for the guest (wire/bootstrap.hpp).
#pragma once

#include "base/bytes.hpp"
#include "spec/launch.hpp"
#include "wire/bootstrap.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace msb {

/// `authority`: of the certificates that the guest is shown where TLS is intercepted, in PEM form.
wire::Bootstrap make_bootstrap(const LaunchConfig& config, std::int64_t unix_time_ns,
                               std::optional<Bytes> entropy,
                               const std::optional<std::string>& authority = {});

} // namespace msb
