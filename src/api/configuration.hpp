// The user's config.json as a whole: every key that there is, what is wrong with a file, and what
// new sandboxes begin with. Each key is read where it counts, from the file itself.
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"
#include "sandbox/home.hpp"
#include "spec/spec.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct ConfigProblem {
    std::size_t line = 0; ///< 0: not of one line
    std::string text;     ///< "networt is unknown"
    std::string hint;
};

/// All that is wrong with a file: its syntax, keys that do not exist, and values.
std::vector<ConfigProblem> check_config(std::string_view text);

/// JSON Schema of the file, draft 2020-12.
json::Value config_schema();

/// One setting that is in effect.
struct ConfigSetting {
    std::string key;
    json::Value value; ///< null: none
    bool from_file = false;
};

std::vector<ConfigSetting> config_settings(const json::Value& content);

/// A spec with the user's `sandbox_defaults` and `log_level` in it.
Result<SandboxSpec> new_spec(const Home& home);
/// `ssh.inactivity_timeout_secs`; 0: never.
Result<std::chrono::seconds> ssh_inactivity(const Home& home);

} // namespace msb
