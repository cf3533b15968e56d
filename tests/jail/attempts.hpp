// Things a jailed process must not be able to do, each tried for real.
#pragma once

#include <span>

namespace attempts {

struct Attempt {
    const char* name;
    /// True if the forbidden thing worked. Returning false, or dying in the attempt, is a pass.
    bool (*run)();
    /// Also tried outside any jail, where it must work: proof that the attempt means something.
    /// False where it needs rights that the test may not have or would disturb the machine.
    bool works_outside;
    /// Bit n: role n may do this (jail::Role as a number), so it is not tried there.
    unsigned allowed_for = 0;
};

constexpr unsigned runtime = 1 << 0, uml = 1 << 1, image = 1 << 2, fetch = 1 << 3, fs = 1 << 4,
                   net = 1 << 5, tls = 1 << 8, net_switch = 1 << 9;

std::span<const Attempt> all();
/// Those of them that take more than a limit should give.
std::span<const Attempt> takings();
const Attempt* find(const char* name);

/// What the tests put where the attempts look. Prepared outside, before the jail is entered.
namespace bait {
/// A world-readable file outside the jail, an abstract socket, and loopback ports that accept.
constexpr const char* file = "/tmp/msb-jail-test.bait";
constexpr const char* abstract_name = "msb-jail-test-bait"; ///< Without the leading zero byte.
constexpr int tcp_port = 47311, udp_port = 47312;
constexpr const char* datagram_name = "msb-jail-test-datagrams"; ///< Likewise abstract.
/// The runtime's descriptors: a file it was given for reading, and its view of its own processes.
constexpr int read_only = 10, process_view = 1023;
} // namespace bait

/// Exit codes of a process that ran one attempt.
constexpr int refused = 10, worked = 11, unknown = 12;

} // namespace attempts
