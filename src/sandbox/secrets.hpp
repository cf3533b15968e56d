// Secrets on the host: files that describe them, and where their values come from.
#pragma once

#include "base/result.hpp"
#include "spec/secret_spec.hpp"
#include "tls/config.hpp"

#include <string>
#include <vector>

namespace msb {

/// Of --secret-conf: YAML or JSON. Errors name the file and the member.
Result<SecretsSpec> read_secret_file(const std::string& path);

/// The value, from its source, which is asked each time. Errors say which secret and what is missing, and
/// have nothing of the value.
Result<std::string> read_secret_value(const SecretSpec& secret);

tls::TlsdConfig::Secret secret_for_tlsd(const SecretSpec& secret, std::string value);

/// Gives the secrets to a tlsd that runs, at its door: all or nothing. Of those in `keep` it has the values
/// already; those of the others are read from their sources.
Status change_secrets(const std::string& door, const SecretsSpec& secrets,
                      const std::vector<std::string>& keep);

} // namespace msb
