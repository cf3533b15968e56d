// What netd and the runtime say to each other, one packet each: to the runtime lines of netd's log,
// and what begins with one of these.
#pragma once

#include <string_view>

namespace msb {

/// Data has moved through a published port. No log line looks like it.
inline constexpr std::string_view network_in_use = "\1";
/// Before an entry of the ledger (net/ledger/ledger.hpp).
inline constexpr char network_entry = '\2';

/// Before what a rule has done so far: its number, a space, and a line of JSON.
inline constexpr char network_counter = '\4';

/// To netd: before a policy that takes the place of its own (net/config.hpp). To the runtime: what
/// came of it, nothing or what is wrong.
inline constexpr char network_policy = '\3';

} // namespace msb
