// host.*: what the host's commands ask of a sandbox's runtime, over a socket of its own. Nothing of
// it is ever sent to a guest.
//
// A request is one frame and is answered by one with the same id: host.accepted or a report, or
// core.error (kind and offending type say what was wrong), after which the runtime closes the
// connection. A request is at most max_host_request bytes long.
#pragma once

#include "wire/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace msb::wire {

inline constexpr std::size_t max_host_request = std::size_t{64} << 10; ///< as a whole frame

/// End the guest: stop signal, so much time, SIGKILL. Asking again can only make it shorter.
struct HostShutdown {
    std::optional<std::uint64_t> grace_ms; ///< omitted: what is usual
    MSB_WIRE_MESSAGE(HostShutdown, "host.shutdown", 7, flag_shutdown);
};

/// Let commands finish, refuse new ones, end the guest when none is left.
struct HostDrain {
    MSB_WIRE_MESSAGE(HostDrain, "host.drain", 7, flag_shutdown);
};

/// What it asked for has begun.
struct HostAccepted {
    MSB_WIRE_MESSAGE(HostAccepted, "host.accepted", 7, flag_terminal);
};

struct HostStatus {
    MSB_WIRE_MESSAGE(HostStatus, "host.status", 7, 0);
};

struct HostStatusReport {
    std::string status;               ///< as in state.json: "Starting", "Running", "Draining", ...
    std::string reason;               ///< why it ends, if it does
    std::uint32_t clients = 0;        ///< connected to agent.sock
    std::string detail;               ///< one sentence for people, if there is something to say
    std::vector<std::string> network; ///< counters of rules, a line of JSON each
    MSB_WIRE_MESSAGE(HostStatusReport, "host.status.report", 7, flag_terminal);
};

/// Have the guest hold its disk still, so that it can be copied. It thaws by itself when this has
/// not been asked again, with the same number, for `timeout_ms`. How far it is, tells
/// HostFreezeReport. Refused while the guest is frozen for another number.
struct HostFreeze {
    std::uint64_t number = 0; ///< chosen at random
    std::uint64_t timeout_ms = 0;
    MSB_WIRE_MESSAGE(HostFreeze, "host.freeze", 7, 0);
};

struct HostThaw {
    std::uint64_t number = 0;
    MSB_WIRE_MESSAGE(HostThaw, "host.thaw", 7, 0);
};

struct HostFreezeStatus {
    MSB_WIRE_MESSAGE(HostFreezeStatus, "host.freeze.status", 7, 0);
};

struct HostFreezeReport {
    std::uint64_t number = 0; ///< 0: none was asked for yet
    std::string state;        ///< "freezing", "frozen", "thawed", "expired" or "failed"
    std::string message;      ///< why it failed
    MSB_WIRE_MESSAGE(HostFreezeReport, "host.freeze.report", 7, flag_terminal);
};

/// The file of the root's disk has become larger: so is the disk, and the guest extends its file
/// system. How far that is, tells HostRootDiskReport. Refused while another size is being given.
struct HostRootDiskGrow {
    std::uint64_t size_mib = 0;
    MSB_WIRE_MESSAGE(HostRootDiskGrow, "host.root_disk.grow", 7, 0);
};

struct HostRootDiskStatus {
    MSB_WIRE_MESSAGE(HostRootDiskStatus, "host.root_disk.status", 7, 0);
};

struct HostRootDiskReport {
    std::uint64_t size_mib = 0; ///< 0: none was asked for yet
    std::string state;          ///< "growing", "grown" or "failed"
    std::string message;        ///< why it failed
    MSB_WIRE_MESSAGE(HostRootDiskReport, "host.root_disk.report", 7, flag_terminal);
};

/// Put this policy in the place of the one that the sandbox's network has (net/config.hpp). It is
/// answered when the policy is in force; refused, the old one stays.
struct HostNetworkPolicy {
    std::string policy;
    MSB_WIRE_MESSAGE(HostNetworkPolicy, "host.network.policy", 7, 0);
};

} // namespace msb::wire
