// What netd and tlsd say to the runtime, and it to netd, one packet each: to the runtime lines of their log,
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

/// Before what has gone over the guest's interface so far: bytes to the guest, a space, bytes from it.
inline constexpr char network_traffic = '\10';

/// To netd: before a policy that takes the place of its own (net/config.hpp). To the runtime: what
/// came of it, nothing or what is wrong.
inline constexpr char network_policy = '\3';

/// From tlsd: before the certificate of the authority that the guest has to trust, in PEM form.
inline constexpr char tls_authority = '\5';
/// From tlsd: before why it cannot begin.
inline constexpr char tls_failed = '\6';
/// From tlsd: before why the sandbox has to end.
inline constexpr char tls_terminate = '\7';

} // namespace msb
