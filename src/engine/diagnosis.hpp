// What `msb doctor` finds out: whether sandboxes can run on this machine, how strongly they are
// isolated, and what would make either better.
#pragma once

#include "engine/probe.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb::engine {

struct Check {
    enum class Level {
        ok,
        advice,  ///< Works; could be better.
        problem, ///< Sandboxes do not work, or not all of them.
    };
    std::string id;    ///< Stable, for JSON: "user-namespaces".
    std::string label; ///< For people, at most 12 columns.
    Level level = Level::ok;
    std::string value;  ///< What was found, in a few words.
    std::string detail; ///< What it means; only for advice and problems.
    std::string hint;   ///< What to do.
};
/// "ok", "advice", "problem".
std::string_view to_string(Check::Level level);

struct DiagnosisInput {
    std::string home;                              ///< MSB_HOME; need not exist.
    std::string share;                             ///< .../share/microsandbox
    std::vector<std::string> programs;             ///< Programs msb starts, absolute.
    std::string kernel = std::string(auto_kernel); ///< as choose_kernel_bundle() has it
};

struct Diagnosis {
    std::string platform; ///< "Linux x86_64 (6.18.1)"
    std::vector<Check> checks;
    std::optional<EngineChoice> engine; ///< None: nothing can run.
    bool healthy() const;
};

/// Tries things out rather than looking at settings: builds a jail, runs a KVM guest, writes to the
/// home directory. Under a second.
Diagnosis diagnose(const DiagnosisInput& input);

} // namespace msb::engine
