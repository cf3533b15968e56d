// A policy from what a sandbox's network did.
#pragma once

#include "logs/network_log.hpp"

#include <string>
#include <vector>

namespace msb {

/// The smallest policy file, in YAML, that allows what was recorded.
std::string learn_policy(const std::vector<NetworkEntry>& entries);

} // namespace msb
