// Secrets on the host: files that describe them, and where their values come from.
#pragma once

#include "base/result.hpp"
#include "spec/secret_spec.hpp"

#include <string>

namespace msb {

/// Of --secret-conf: YAML or JSON. Errors name the file and the member.
Result<SecretsSpec> read_secret_file(const std::string& path);

/// The value, from its source, which is asked each time. Errors say which secret and what is missing, and
/// have nothing of the value.
Result<std::string> read_secret_value(const SecretSpec& secret);

} // namespace msb
