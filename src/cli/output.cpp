#include "cli/output.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace msb::cli {

bool is_terminal(int fd) {
    return ::isatty(fd) == 1;
}

namespace {

std::optional<Error> stdout_failure;

bool colours(int stream) {
    static const bool wanted = [] {
        const char* no_color = std::getenv("NO_COLOR");
        const char* term = std::getenv("TERM");
        return (no_color == nullptr || *no_color == '\0') &&
               (term == nullptr || std::string_view(term) != "dumb");
    }();
    static const std::array<bool, 3> terminals = {false, is_terminal(1), is_terminal(2)};
    return wanted && terminals[static_cast<std::size_t>(stream)];
}

constexpr std::string_view code_of(Style style) {
    switch (style) {
    case Style::plain: return "";
    case Style::bold_red: return "\x1b[1;31m";
    case Style::yellow: return "\x1b[33m";
    case Style::cyan: return "\x1b[36m";
    case Style::bold_cyan: return "\x1b[1;36m";
    case Style::green: return "\x1b[32m";
    case Style::dim: return "\x1b[2m";
    case Style::bold_yellow: return "\x1b[1;33m";
    }
    return "";
}

/// Display columns of UTF-8 text, taking every character as one column wide.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string padded(std::string_view text, std::size_t columns) {
    const std::size_t used = width(text);
    return std::string(text) + std::string(used < columns ? columns - used : 0, ' ');
}

constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD

/// Lead byte of U+0080 to U+009F in UTF-8; some terminals obey these characters like ESC.
bool is_c1(std::string_view text) {
    return text.size() > 1 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
}

/// The last line of defence, for documents and for text that has our own colours.
std::string without_c1(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_c1(text.substr(i))) {
            out += text[i];
            continue;
        }
        out += replacement;
        ++i;
    }
    return out;
}

/// No control character but those that are `kept`, and nothing that is not UTF-8.
std::string visible(std::string_view text, std::string_view kept) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t valid = valid_utf8_prefix(text);
        for (const char c : without_c1(text.substr(0, valid))) {
            const auto byte = static_cast<unsigned char>(c);
            if ((byte < 0x20 && kept.find(c) == std::string_view::npos) || byte == 0x7f)
                fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
            else
                out += c;
        }
        text.remove_prefix(valid);
        if (!text.empty()) {
            out += replacement;
            text.remove_prefix(1);
        }
    }
    return out;
}

} // namespace

std::string styled(int stream, Style style, std::string_view text) {
    if (style == Style::plain || !colours(stream))
        return std::string(text);
    return fmt::format("{}{}\x1b[0m", code_of(style), text);
}

const std::optional<Error>& print_failure() {
    return stdout_failure;
}

bool print(std::string_view text) {
    static const bool to_terminal = is_terminal(STDOUT_FILENO);
    return to_terminal ? print_bytes(without_c1(text)) : print_bytes(text);
}

bool print_bytes(std::string_view text) {
    BytesView data = as_bytes(text);
    while (!data.empty() && !stdout_failure) {
        const auto count = sys::write(STDOUT_FILENO, data);
        if (count)
            data = data.subspan(*count);
        else if (count.error().sys_errno() != EAGAIN)
            stdout_failure = Error::from_errno(count.error().sys_errno(), "cannot write to stdout");
        else // another program made the pipe that we share non-blocking
            (void)sys::wait_for(STDOUT_FILENO, POLLOUT, std::chrono::seconds(1));
    }
    return !stdout_failure;
}

void print_stderr(std::string_view text) {
    (void)sys::write_all(STDERR_FILENO, as_bytes(text));
}

void print_error(std::string_view message, const std::vector<std::string>& hints) {
    std::string text = styled(2, Style::bold_red, "error:") + " " + printable(message) + "\n";
    for (const std::string& hint : hints)
        text += "  → " + printable(hint) + "\n";
    print_stderr(text);
}

void print_error(const Error& error) {
    std::vector<std::string> hints;
    if (!error.hint().empty())
        hints.push_back(error.hint());
    print_error(error.to_string(), hints);
}

void print_warning(std::string_view message) {
    print_stderr(styled(2, Style::yellow, "warn:") + " " + printable(message) + "\n");
}

void print_done(std::string_view verb, std::string_view target,
                std::chrono::steady_clock::duration took) {
    std::string text = fmt::format("   {} {} {}", styled(2, Style::green, "✓"), padded(verb, 12),
                                   printable(target));
    if (took > std::chrono::milliseconds(500))
        text += styled(2, Style::dim, " (" + format_duration(took) + ")");
    print_stderr(text + "\n");
}

void print_failed(std::string_view verb, std::string_view target) {
    print_stderr(fmt::format("   {} {} {}\n", styled(2, Style::bold_red, "✗"), padded(verb, 12),
                             printable(target)));
}

std::string format_duration(std::chrono::steady_clock::duration duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    if (seconds < 60)
        return fmt::format("{:.1f}s", seconds);
    const auto whole = static_cast<std::uint64_t>(seconds);
    return fmt::format("{}m{}s", whole / 60, whole % 60);
}

std::string format_bytes(std::uint64_t bytes) {
    static constexpr std::array<std::string_view, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024)
        return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    const bool whole = value == static_cast<double>(static_cast<std::uint64_t>(value));
    return fmt::format("{:.{}f} {}", value, whole ? 0 : 1, units[unit]);
}

std::string printable(std::string_view text) {
    return visible(text, "\n\t");
}

std::string printable_line(std::string_view text) {
    return visible(text, {});
}

void Table::add(std::vector<std::string> row) {
    for (std::string& cell : row)
        cell = printable_line(cell);
    rows_.push_back(std::move(row));
}

std::string Table::render() const {
    if (rows_.empty())
        return {};
    std::vector<std::size_t> widths(header_.size());
    const auto measure = [&](const std::vector<std::string>& row) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));
    };
    measure(header_);
    for (const auto& row : rows_)
        measure(row);
    const auto line = [&](const std::vector<std::string>& row, Style style) {
        std::string text;
        for (std::size_t i = 0; i < row.size(); ++i)
            text += i + 1 < row.size() ? padded(row[i], widths[i] + 4) : row[i];
        text.erase(text.find_last_not_of(' ') + 1);
        return styled(1, style, text) + "\n";
    };
    std::string text = line(header_, Style::bold_cyan);
    for (const auto& row : rows_)
        text += line(row, Style::plain);
    return text;
}

void KeyValues::add(std::string_view key, std::string_view value) {
    text_ +=
        styled(1, Style::cyan, padded(std::string(key) + ":", 16)) + printable_line(value) + "\n";
}

void KeyValues::section(std::string_view title) {
    text_ += styled(1, Style::cyan, std::string(title) + ":") + "\n";
}

void KeyValues::add_nested(std::string_view key, std::string_view value) {
    text_ += "  " + styled(1, Style::dim, padded(printable_line(key) + ":", 14)) +
             printable_line(value) + "\n";
}

Progress Progress::for_stderr(bool quiet) {
    return Progress(quiet ? Mode::quiet : is_terminal(2) ? Mode::terminal : Mode::lines);
}

Progress::Progress(Progress&& other) noexcept
    : mode_(other.mode_), verb_(std::move(other.verb_)), target_(std::move(other.target_)),
      detail_(std::move(other.detail_)), started_(other.started_), drawn_at_(other.drawn_at_),
      frame_(other.frame_), visible_(std::exchange(other.visible_, false)),
      line_printed_(other.line_printed_) {}

void Progress::begin(std::string_view verb, std::string_view target) {
    clear();
    verb_ = verb;
    target_ = printable(target);
    detail_.clear();
    started_ = Clock::now();
    drawn_at_ = {};
    line_printed_ = false;
}

void Progress::detail(std::string text) {
    detail_ = std::move(text);
    tick();
}

void Progress::tick() {
    const auto now = Clock::now();
    if (verb_.empty() || mode_ == Mode::quiet)
        return;
    if (mode_ == Mode::lines) {
        if (!line_printed_ && now - started_ >= std::chrono::seconds(1)) {
            line_printed_ = true;
            print_stderr(fmt::format("{} {} ...\n", verb_, target_));
        }
        return;
    }
    // Very short steps need no spinner.
    if (now - started_ >= std::chrono::milliseconds(200) && now - drawn_at_ >= interval) {
        drawn_at_ = now;
        draw();
    }
}

void Progress::draw() {
    static constexpr std::array<std::string_view, 10> frames = {"⠋", "⠙", "⠹", "⠸", "⠼",
                                                                "⠴", "⠦", "⠧", "⠇", "⠏"};
    winsize size{};
    const std::size_t columns =
        ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
    std::string text = padded(verb_, 12) + " " + target_;
    if (!detail_.empty())
        text += "  " + detail_;
    // A line that wraps cannot be erased again.
    while (width(text) + 6 > columns)
        text.pop_back();
    print_stderr(fmt::format("\r\x1b[2K   {} {}",
                             styled(2, Style::cyan, frames[frame_++ % frames.size()]), text));
    visible_ = true;
}

void Progress::clear() {
    if (std::exchange(visible_, false))
        print_stderr("\r\x1b[2K");
}

} // namespace msb::cli
