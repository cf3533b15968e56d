// What a sandbox is doing: sandboxes/<name>/state.json. Written by its runtime (and by commands
// that hold the lifecycle lock when no runtime lives). The lock, not this file, says whether a
// runtime is alive: a file that says "running" under a free lock means that the runtime was killed.
#pragma once

#include "base/result.hpp"
#include "json/fwd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

enum class SandboxStatus { created, starting, running, draining, stopped, crashed };

/// "Running": as stored and in JSON. Text output lower-cases it.
std::string_view to_string(SandboxStatus status);
std::optional<SandboxStatus> parse_status(std::string_view name);
inline bool is_active(SandboxStatus status) {
    return status == SandboxStatus::starting || status == SandboxStatus::running ||
           status == SandboxStatus::draining;
}
/// Active, and not on its way out.
inline bool is_running(SandboxStatus status) {
    return status == SandboxStatus::starting || status == SandboxStatus::running;
}

/// Why the last run ended. Empty while it runs.
namespace reason {
inline constexpr std::string_view completed = "Completed";
inline constexpr std::string_view failed = "Failed";
inline constexpr std::string_view shutdown_requested = "ShutdownRequested";
inline constexpr std::string_view drain_requested = "DrainRequested";
inline constexpr std::string_view max_duration = "MaxDurationExceeded";
inline constexpr std::string_view idle_timeout = "IdleTimeout";
inline constexpr std::string_view agent_unresponsive = "AgentUnresponsive";
inline constexpr std::string_view parent_exit = "ParentExit";
inline constexpr std::string_view guest_crashed = "GuestCrashed";
inline constexpr std::string_view signal = "Signal";
inline constexpr std::string_view internal_error = "InternalError";
} // namespace reason

struct SandboxState {
    SandboxStatus status = SandboxStatus::created;
    std::string engine;    ///< "uml", "kvm"; of the current or last run
    std::string isolation; ///< "user-mode" or "hardware"
    /// Of the bundle that it is or was booted from; empty: not known.
    struct Kernel {
        std::string name;
        std::string version;
        std::string hash;

        json::Value to_document() const; ///< null if not known
    } kernel;
    std::string reason;           ///< namespace reason
    std::string detail;           ///< one sentence more, for people
    std::optional<int> exit_code; ///< of the startup command
    /// Making it failed: it is kept for its logs, and whoever makes one of this name takes its place.
    bool never_ran = false;
    /// Of each published port the one of the host that leads to it, in the present or last run.
    std::vector<std::uint16_t> host_ports;
    std::int64_t updated_at_ns = 0; ///< Unix time, as are the two below; 0: never
    std::int64_t started_at_ns = 0;
    std::int64_t stopped_at_ns = 0;

    std::string to_json() const;
    static Result<SandboxState> from_json(std::string_view text);
    /// An absent or unreadable file reads as `created`: nothing ever ran.
    static SandboxState load(const std::string& path);
    Status store(const std::string& path) const;
};

} // namespace msb
