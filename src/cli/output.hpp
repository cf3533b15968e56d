// What the user sees: data on stdout, everything else on stderr; colour only on a terminal and
// without NO_COLOR.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msb::cli {

enum class Style { plain, bold_red, yellow, cyan, bold_cyan, green, dim, bold_yellow };

/// `text` in the style if the stream (1 or 2) shows colours, else unchanged.
std::string styled(int stream, Style style, std::string_view text);
bool is_terminal(int fd);

/// Writes all of it to stdout; false if that failed, now or before. Text chosen by a guest, an
/// image, a registry or an archive must go through printable(), a Table, KeyValues or a JSON
/// document first.
bool print(std::string_view text);
/// As print(), for bytes that reach the terminal or program unchanged.
bool print_bytes(std::string_view text);
/// Why print() failed. A reader that takes only the beginning of our output is no failure; main
/// reports any other.
const std::optional<Error>& print_failure();
void print_stderr(std::string_view text);

/// "error: {message}" and one "  → {hint}" line each.
void print_error(std::string_view message, const std::vector<std::string>& hints = {});
void print_error(const Error& error);
void print_warning(std::string_view message);

/// "   ✓ Verb         target (1.2s)"; the duration only above 500 ms.
void print_done(std::string_view verb, std::string_view target,
                std::chrono::steady_clock::duration took);
void print_failed(std::string_view verb, std::string_view target);

/// "12.3s", "2m5s".
std::string format_duration(std::chrono::steady_clock::duration duration);
/// "512 B", "1.5 MiB", "2 GiB".
std::string format_bytes(std::uint64_t bytes);

/// Foreign text for a terminal: control characters become visible escapes, invalid UTF-8 becomes
/// U+FFFD; line feeds and tabs stay.
std::string printable(std::string_view text);
/// The same for text that has to stay on its line.
std::string printable_line(std::string_view text);

/// Cells may be any foreign text. Columns separated by four spaces, header in bold cyan, no
/// trailing blanks; nothing for no rows.
class Table {
  public:
    explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
    void add(std::vector<std::string> row);
    std::string render() const;

  private:
    std::vector<std::string> header_;
    std::vector<std::vector<std::string>> rows_;
};

/// Keys and values may be any foreign text. "Key:" padded to 16 columns (nested: two blanks, padded
/// to 14), then the value.
class KeyValues {
  public:
    void add(std::string_view key, std::string_view value);
    void section(std::string_view title);
    void add_nested(std::string_view key, std::string_view value);
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

/// One line of progress on stderr: a spinner on a terminal, plain lines for what takes over a
/// second elsewhere, nothing when quiet. Single-threaded: call tick() from wherever the program
/// waits.
class Progress {
  public:
    enum class Mode { terminal, lines, quiet };
    static Progress for_stderr(bool quiet);

    /// Starts a new line, e.g. ("Starting", "web"); replaces the previous one.
    void begin(std::string_view verb, std::string_view target);
    /// Extra text behind the target, e.g. "12.0 / 40.1 MiB".
    void detail(std::string text);
    void tick();
    /// Removes the line from the terminal.
    void clear();
    Progress(Progress&& other) noexcept;
    Progress& operator=(Progress&&) = delete;
    ~Progress() { clear(); }

    static constexpr std::chrono::milliseconds interval{80};

  private:
    explicit Progress(Mode mode) : mode_(mode) {}
    void draw();

    using Clock = std::chrono::steady_clock;
    Mode mode_;
    std::string verb_;
    std::string target_;
    std::string detail_;
    Clock::time_point started_{};
    Clock::time_point drawn_at_{};
    std::size_t frame_ = 0;
    bool visible_ = false;
    bool line_printed_ = false;
};

} // namespace msb::cli
