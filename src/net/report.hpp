// What netd says to the runtime, one packet each: lines of its log, and this.
#pragma once

#include <string_view>

namespace msb {

/// Data has moved through a published port. No log line looks like it.
inline constexpr std::string_view network_in_use = "\1";
/// Before an entry of the ledger (net/ledger/ledger.hpp).
inline constexpr char network_entry = '\2';

} // namespace msb
