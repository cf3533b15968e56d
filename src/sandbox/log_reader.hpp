// Reads what a sandbox's commands wrote, oldest first, across rotated files. Needs no guest.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sandbox/home.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace msb {

struct LogEntry {
    std::string time;                     ///< RFC 3339 UTC; empty for lines that carry none
    std::string source;                   ///< stdout, stderr, output, system
    std::optional<std::uint64_t> session; ///< none for system
    Bytes data;
    std::string line; ///< the JSON line as stored; made up for lines of the other logs
};

struct LogSelection {
    bool output = true;  ///< stdout, stderr and output entries of commands
    bool system = false; ///< markers, runtime.log and kernel.log
};

/// Entries of exec.log.3 ... exec.log; with `system` also runtime.log and kernel.log, which carry
/// no session. A line that is not valid (a full disk cut it) is left out.
Result<std::vector<LogEntry>> read_logs(const SandboxFiles& files, const LogSelection& selection);

/// One line of exec.log.
std::optional<LogEntry> parse_log_line(std::string_view line);

} // namespace msb
