// network.log: what a sandbox's network did, one line of JSON for each flow and lookup, as netd
// writes them (net/ledger/ledger.hpp). It was written by processes that a guest may have taken over,
// so anything may stand there.
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"
#include "spec/files.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

struct NetworkEntry {
    std::string time, type, direction, protocol, name, address, group, rule, outcome, reason;
    std::string old_policy, new_policy; ///< of a change: digests
    bool intercepted = false;           ///< its TLS was opened
    json::Value secret;                 ///< of type "secret": what was found, an object
    std::uint16_t port = 0;
    std::uint64_t sent = 0, received = 0, missed = 0;

    bool denied() const { return outcome == "denied"; }
    json::Value to_document() const;
};

/// Nothing if the line is not one.
std::optional<NetworkEntry> parse_network_line(std::string_view line);

/// Calls `take` with each entry that there is, oldest first.
Status read_network_log(const SandboxFiles& files,
                        const std::function<void(const NetworkEntry&)>& take);

} // namespace msb
