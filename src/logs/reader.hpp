// What a sandbox wrote: entries of exec.log, runtime.log and kernel.log in order of time, across
// rotated files. Needs no guest and no runtime, and takes no lock.
#pragma once

#include "base/result.hpp"
#include "logs/chain.hpp"
#include "logs/line.hpp"
#include "spec/files.hpp"

#include <array>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace msb {

/// A place in the three logs between two entries. Opaque text outside this program; valid until
/// rotation has taken away what follows it.
struct LogCursor {
    std::array<LogPosition, 3> positions; ///< exec.log, runtime.log, kernel.log

    std::string to_string() const;
    /// invalid_argument if `text` is not one.
    static Result<LogCursor> parse(std::string_view text);
};

struct LogEntry : LogRecord {
    LogCursor cursor; ///< reading from here goes on strictly behind this entry
};

struct LogQuery {
    /// `system` also selects runtime.log and kernel.log.
    std::set<LogSource> sources = {LogSource::standard_output, LogSource::standard_error,
                                   LogSource::output};
    std::optional<std::uint64_t> session;    ///< only what this one wrote
    std::optional<std::int64_t> since_ns;    ///< inclusive, Unix time
    std::optional<std::int64_t> until_ns;    ///< exclusive
    std::optional<std::size_t> tail_entries; ///< only the last so many
    std::optional<std::size_t> tail_lines;   ///< as few entries as hold that many lines
    std::optional<LogCursor> after;          ///< not with a tail
};

class LogReader {
  public:
    /// not_found if `after` names what rotation has taken away.
    static Result<LogReader> open(const SandboxFiles& files, LogQuery query);

    /// The next entry. Nothing: there is no more for now; later there may be.
    Result<std::optional<LogEntry>> next();
    /// True once after entries were missed: more was written than is kept before it was read.
    bool take_missed();

  private:
    enum Log : std::size_t { exec_log, runtime_log, kernel_log, log_count };
    /// One log, read ahead by one entry.
    struct Chain {
        std::string path;
        std::optional<LogForward> forward;
        std::optional<LogRecord> ahead;
        LogPosition behind; ///< of what has been returned
        LogPosition end_of_ahead;
        std::int64_t time_ns = 0; ///< of the newest line that carried one
    };

    explicit LogReader(LogQuery query) : query_(std::move(query)) {}
    bool selects(Log log) const;
    bool selects(const LogRecord& record) const;
    Status look_ahead(Log log);
    Status read_tail();
    LogCursor cursor() const;

    LogQuery query_;
    std::array<Chain, log_count> chains_;
    std::deque<LogEntry> tail_; ///< returned first
};

/// All entries that match, oldest first.
Result<std::vector<LogEntry>> read_logs(const SandboxFiles& files, LogQuery query = {});

/// Unix nanoseconds of an RFC 3339 time, or of so long before `now_ns`: "90", "90s", "5m", "2h",
/// "1d".
Result<std::int64_t> parse_log_time(std::string_view text, std::int64_t now_ns);

/// A line of runtime.log or kernel.log. Escape sequences and control characters are removed, so
/// that nothing that a guest prints to its console controls a terminal. `time_ns` stays 0 if the
/// line does not begin with a time.
LogRecord parse_plain_line(std::string_view line);

} // namespace msb
