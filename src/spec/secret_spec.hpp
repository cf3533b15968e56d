// Secrets as they are asked for: never their values, only where those come from.
#pragma once

#include "base/result.hpp"
#include "json/fwd.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct SecretSpec {
    static constexpr std::size_t longest_placeholder = 1024;

    std::string env; ///< the guest's variable, which has the placeholder
    std::string
        placeholder; ///< what the guest knows; "$MSB_" and the variable's name unless said otherwise
    /// "env:NAME", "file:PATH" or "exec:COMMAND" of the host, read at each start.
    std::string source;
    std::vector<std::string> hosts;       ///< patterns of who gets the value
    std::vector<std::string> passthrough; ///< patterns of who may get the placeholder as it is
    bool headers = true;
    std::vector<std::string> header_fields; ///< none: all
    bool query = false, body = false;
    std::vector<std::string> methods, paths; ///< of requests that get it; none: all
    std::uint64_t per_minute = 0, total = 0; ///< requests that get it; 0: any number
    std::string action;                      ///< on a violation; empty: as for the others

    bool operator==(const SecretSpec&) const = default;
};

struct SecretsSpec {
    static constexpr std::size_t most = 128;

    std::vector<SecretSpec> list; ///< each variable once
    std::string action; ///< "block", "block-and-log" (also if empty), "block-and-terminate"

    bool empty() const { return list.empty(); }
    bool operator==(const SecretsSpec&) const = default;
};

/// "ENV[:OPTIONS]@HOST[,HOST...]", as of --secret. OPTIONS are separated by commas: no-headers, headers=FIELD
/// or [A,B] or *, query, body, passthrough=HOST or [A,B], env=NAME, file=PATH, exec=COMMAND, placeholder=TEXT,
/// methods=[GET,POST], path=/PREFIX, per-minute=N, total=N, action=block.
Result<SecretSpec> parse_secret(std::string_view text);
/// Adds one; of two for the same variable, hosts are those of both, headers what both have.
Status add_secret(SecretsSpec& secrets, SecretSpec secret);
/// A document of --secret-conf: {ENV: {"source" or "value": "${NAME}", "hosts", ...}}.
Result<SecretsSpec> read_secrets_file(const json::Value& document);
Result<std::string> parse_secret_action(std::string_view text);
Status validate_secrets(const SecretsSpec& secrets);
SecretsSpec combine(SecretsSpec base, SecretsSpec given);

/// [{"env", "source", "hosts", ...}]
json::Value to_document(const std::vector<SecretSpec>& secrets);
Result<std::vector<SecretSpec>> read_secrets(const json::Value& list);

} // namespace msb
