// What a sandbox is asked to be: everything the user chose, merged with the image's defaults.
// Stored as sandboxes/<name>/spec.json; contains no run-time state.
#pragma once

#include "base/result.hpp"
#include "json/fwd.hpp"
#include "spec/grammar.hpp"
#include "spec/mounts.hpp"
#include "spec/network_spec.hpp"
#include "spec/root_disk.hpp"
#include "spec/scripts.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msb {

struct Rlimit {
    std::string resource; ///< lower case, without RLIMIT_: "nofile"
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool operator==(const Rlimit&) const = default;
};

/// The init system that becomes process 1 of the guest in place of the agent.
struct InitSpec {
    std::string cmd; ///< absolute path, or "auto": the guest looks for one
    std::vector<std::string> args;
    std::vector<std::pair<std::string, std::string>> env; ///< over the sandbox's
    bool operator==(const InitSpec&) const = default;
};

enum class SecurityProfile { standard, restricted };

inline constexpr std::uint32_t default_metrics_interval_ms = 1000, least_metrics_interval_ms = 100,
                               most_metrics_interval_ms = 86'400'000;

struct SandboxSpec {
    std::string name;
    std::string image;           ///< normalised reference; of another root, its path: absolute
    std::string manifest_digest; ///< of the image this sandbox's root was made from
    /// "sha256:<hex>" of the snapshot that its disk began as; empty: as an empty one.
    std::string snapshot;
    unsigned cpus = 1;
    unsigned max_cpus = 1; ///< what they may be raised to while it runs; at least cpus
    std::uint64_t memory_mib = 512;
    std::uint64_t max_memory_mib = 512; ///< at least memory_mib
    std::string thp = "madvise";        ///< guest's transparent huge pages: always|madvise|never
    RootSource root = RootSource::image;
    std::string root_fstype; ///< of a root that is a disk; empty: whatever is in it
    RootDisk root_disk;      ///< of a root that is made from an image
    std::vector<std::pair<std::string, std::string>> env; ///< image's, then the user's; keys unique
    std::map<std::string, std::string> labels;
    std::vector<std::string> entrypoint;
    std::vector<std::string> cmd;
    std::string workdir; ///< empty: "/"
    std::string user;    ///< "name|uid[:group|gid]"; empty: root
    std::string shell = "/bin/sh";
    std::string hostname;
    std::string stop_signal; ///< of the image, e.g. "SIGTERM"; empty: SIGTERM
    std::optional<InitSpec> init;
    SecurityProfile security = SecurityProfile::standard;
    NetworkSpec network;
    std::vector<Rlimit> rlimits; ///< of every command
    Scripts scripts;
    std::vector<Mount> mounts;   ///< guest paths unique
    std::string engine = "auto"; ///< auto | kvm | uml
    std::string kernel = "auto"; ///< auto | a bundle's name | absolute path of a bundle's folder
    bool require_hardware_isolation = false;
    std::string log_level;                  ///< of the runtime; empty: warn
    bool ephemeral = false;                 ///< removed when it stops
    std::uint64_t max_duration_seconds = 0; ///< 0: no limit
    std::uint64_t idle_timeout_seconds = 0; ///< 0: never
    std::uint32_t metrics_interval_ms = default_metrics_interval_ms; ///< 0: none are taken
    std::int64_t created_at_ns = 0;                                  ///< Unix time

    /// Its root disk is msb's, and removed when it stops.
    bool throws_root_away() const;
    /// Nothing that its guest still has to write is missed by anybody.
    bool can_be_cut_off() const;
    /// Overlays one variable, keeping the position of an existing key.
    void set_env(const std::string& key, const std::string& value);

    json::Value to_document() const;
    static Result<SandboxSpec> from_document(const json::Value& value);
    /// The document as text.
    std::string to_json() const;
    static Result<SandboxSpec> from_json(std::string_view text);
};

/// Between the stop signal and the kill, unless somebody says otherwise.
inline constexpr std::chrono::milliseconds default_stop_grace{10'000};
/// What the guest gets beyond that to sync, unmount and power off; an init system gets more,
/// because it has been asked a second time, by SIGTERM, when the grace is over.
std::chrono::milliseconds power_off_margin(const SandboxSpec& spec);

// Each check names the value and the rule it broke.
Status validate_name(std::string_view name);
/// Of the document that a specification is kept in.
inline constexpr std::size_t max_spec_bytes = std::size_t{16} << 20;

Status validate_spec(const SandboxSpec& spec);

/// "msb-" and 8 random hex digits.
std::string random_name();
/// The name if it fits 64 bytes, else its first 55 bytes, '-' and 8 hex digits of its SHA-256.
std::string derived_hostname(std::string_view name);

// Grammars of command line values (messages as users see them).
/// Integer with optional s, m, h or d; bare seconds. `fine` also accepts ms and 0. Milliseconds out.
Result<std::uint64_t> parse_duration_ms(std::string_view text, bool fine = false);
/// "KEY=value", or "KEY" to copy the host's variable.
Result<std::pair<std::string, std::string>> parse_env(std::string_view text);
/// "KEY=VALUE" or "KEY" (empty value).
Result<std::pair<std::string, std::string>> parse_label(std::string_view text);
/// "RESOURCE=LIMIT" or "RESOURCE=SOFT:HARD".
Result<Rlimit> parse_rlimit(std::string_view text);

} // namespace msb
