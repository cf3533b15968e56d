// Log entries as text: whole or by line, with prefixes, filtered for the terminal or a pipe.
#pragma once

#include "cli/pattern.hpp"
#include "logs/reader.hpp"
#include "logs/terminal_text.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>

namespace msb::cli {

struct LogStyle {
    bool json = false;
    bool raw = false;        ///< bytes as the command wrote them, also to a terminal
    bool timestamps = false; ///< before each line
    bool session_ids = false;
    bool colour_sessions = false;
    bool colours = false;  ///< ours, and those of the commands
    bool terminal = false; ///< stdout is one
    const Pattern* grep = nullptr;
};

/// Text is shown as it was written, joined. As soon as something belongs to lines (a prefix, grep,
/// a tail) each session's pieces are put together to lines first. Nothing is added but prefixes,
/// nothing is cut, and nothing is left out but what was asked for.
class LogRenderer {
  public:
    explicit LogRenderer(LogStyle style) : style_(style) {}

    /// Only the last `lines` of what is added until end_tail() are shown.
    void begin_tail(std::size_t lines) { tail_ = lines; }
    void end_tail();

    void add(const LogEntry& entry);
    /// Lines that have no end yet are shown as they are.
    void finish();
    /// What is to be printed now.
    std::string take() { return std::exchange(out_, {}); }
    std::size_t pending() const { return out_.size(); }

  private:
    using StreamKey = std::pair<LogSource, std::optional<std::uint64_t>>;
    /// What became of the beginning of a line that was too long to wait for its end.
    enum class Begun { no, shown, left_out };
    struct Stream {
        TerminalText filter;
        std::string line; ///< the unfinished one
        std::int64_t time_ns = 0;
        std::uint64_t place = 0; ///< of its newest bytes in what was added
        Begun begun = Begun::no;
    };

    struct Line {
        std::string prefix;
        std::string text;
        bool ended = true;
        std::uint64_t place = 0;
    };

    bool by_line() const {
        return style_.timestamps || style_.session_ids || style_.grep != nullptr || tail_;
    }
    Stream& stream(const StreamKey& key);
    void add_json(const LogEntry& entry);
    void add_text(const StreamKey& key, std::int64_t time_ns, std::string_view text);
    Line take_line(const StreamKey& key, Stream& stream, bool ended);
    void show_part(const StreamKey& key, Stream& stream);
    void end_line(const StreamKey& key, Stream& stream, bool ended);
    void end_lines();
    bool wanted(const Line& line) const;
    void show_line(const Line& line);
    std::string prefix(const StreamKey& key, std::int64_t time_ns) const;
    void show(std::string_view text);

    LogStyle style_;
    std::map<StreamKey, Stream> streams_;
    std::optional<std::size_t> tail_;
    std::deque<Line> tail_lines_;
    std::string out_;
    std::size_t unended_bytes_ = 0; ///< of all streams
    std::uint64_t added_ = 0;       ///< pieces
    bool line_open_ = false;        ///< what was shown last did not end its line
    bool coloured_ = false;         ///< an escape sequence was shown
};

} // namespace msb::cli
