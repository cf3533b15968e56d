// The format of exec.log: JSON Lines
// {"d":text,"e":"b64"?,"id":session?,"s":"stdout|stderr|output|system","t":RFC 3339 UTC with ms}.
// "d" is the text itself, or base64 with "e":"b64" if the bytes are not UTF-8, or for the most part
// control characters (a disk image's zeros would become six times as many bytes): nothing that a
// command wrote is changed on its way into the log and out again.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

enum class LogSource : std::uint8_t {
    standard_output, ///< "stdout"
    standard_error,  ///< "stderr"
    output,          ///< "output": a terminal, where the two are one
    system,          ///< "system": markers, runtime.log, kernel.log
    boot_error,      ///< "boot-error": boot-error.json, made up by readers
};
std::string_view to_string(LogSource source);
std::optional<LogSource> parse_log_source(std::string_view name);

struct LogRecord {
    std::int64_t time_ns = 0; ///< Unix time
    LogSource source = LogSource::system;
    std::optional<std::uint64_t> session; ///< none for system
    Bytes data;
};

/// More data than this in one record is split by the writer; it bounds the length of a line.
inline constexpr std::size_t max_log_data = std::size_t{64} << 10;
/// No line of any log is longer: every byte of the data may become six ("\u0001").
inline constexpr std::size_t max_log_line = std::size_t{512} << 10;

/// Appends the line of a record, newline included.
void append_log_line(std::string& out, std::int64_t time_ns, LogSource source,
                     std::optional<std::uint64_t> session, BytesView data);

/// The record of a line without its newline; nothing if it is not one (a full disk cut it).
/// Members that are not known are skipped.
std::optional<LogRecord> parse_log_line(std::string_view line);

/// How many bytes at the end of `text` begin a UTF-8 sequence whose rest is not there yet: 0 to 3.
std::size_t incomplete_utf8_suffix(std::string_view text);

} // namespace msb
