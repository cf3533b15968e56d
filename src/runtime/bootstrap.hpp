// Makes the bootstrap document for the guest (wire/bootstrap.hpp).
#pragma once

#include "base/bytes.hpp"
#include "spec/launch.hpp"
#include "wire/bootstrap.hpp"

#include <cstdint>
#include <optional>

namespace msb {

wire::Bootstrap make_bootstrap(const LaunchConfig& config, std::int64_t unix_time_ns,
                               std::optional<Bytes> entropy);

} // namespace msb
