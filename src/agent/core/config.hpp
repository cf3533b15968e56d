// What every command of this sandbox starts from.
#pragma once

#include "agent/core/limits.hpp"
#include "wire/messages.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace msb::agent {

struct Config {
    std::vector<wire::KeyValue> environment;
    std::string user;            ///< "USER[:GROUP]", empty = root
    std::string directory = "/"; ///< working directory of requests that name none
    std::vector<ResourceLimit> limits;
    bool restricted = false;
    bool switch_user = true;  ///< false when the agent is not root (tests on a host)
    bool scripts = false;     ///< /.msb/scripts exists and goes in front of PATH
    bool beside_init = false; ///< the agent is not process 1: it protects itself, not its commands
    int stop_signal = 15;
    std::chrono::milliseconds stop_grace{10'000};
    /// For looking a name up and connecting, of a client's connection (core.tcp).
    std::chrono::milliseconds connect_timeout{30'000};
};

} // namespace msb::agent
