// Public keys as OpenSSH writes them.
#pragma once

#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::ssh {

struct PublicKey {
    std::string type; ///< "ssh-ed25519"
    std::string blob; ///< base64
    std::string comment;

    std::string to_string() const { return type + " " + blob; }
};

/// "TYPE BASE64 [COMMENT]" or "BASE64" alone; without the options of an authorized_keys file.
/// invalid_argument for anything else.
Result<PublicKey> parse_public_key(std::string_view line);

/// The keys of an authorized_keys file. Lines that are no keys are passed over: `unreadable` counts
/// them.
std::vector<PublicKey> parse_authorized_keys(std::string_view text, std::size_t& unreadable);

} // namespace msb::ssh
