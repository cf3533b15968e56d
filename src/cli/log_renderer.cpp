#include "cli/log_renderer.hpp"

#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace msb::cli {

namespace {

/// Most sessions that may be in the middle of a line or sequence; the state of further ones is
/// forgotten.
constexpr std::size_t max_streams = 1024;
/// Most bytes of unfinished lines of all sessions together. Beyond it a follower shows the growing
/// line in parts and treats each part as a line, because a guest may never end its lines.
constexpr std::size_t max_unended = std::size_t{64} << 20;

constexpr std::string_view reset = "\x1b[0m";

} // namespace

LogRenderer::Stream& LogRenderer::stream(const StreamKey& key) {
    const auto found = streams_.find(key);
    if (found != streams_.end())
        return found->second;
    if (streams_.size() >= max_streams) {
        end_lines();
        streams_.clear();
    }
    const TerminalText::Options options{.colours = style_.colours,
                                        .visible_controls = style_.terminal};
    return streams_.emplace(key, Stream{TerminalText(options)}).first->second;
}

void LogRenderer::add(const LogEntry& entry) {
    if (style_.json)
        return add_json(entry);
    const StreamKey key{entry.source, entry.session};
    const std::string_view data = as_text(entry.data);
    if (style_.raw)
        add_text(key, entry.time_ns, data);
    else
        add_text(key, entry.time_ns, stream(key).filter.filter(data));
}

void LogRenderer::add_json(const LogEntry& entry) {
    if (style_.grep != nullptr && !style_.grep->matches(as_text(entry.data)))
        return;
    append_log_line(out_, entry.time_ns, entry.source, entry.session, entry.data);
}

void LogRenderer::add_text(const StreamKey& key, std::int64_t time_ns, std::string_view text) {
    if (!by_line()) {
        // A command's last words may have no line end; what the system says is a line of its own.
        if (key.first == LogSource::system && line_open_)
            out_ += '\n';
        return show(text);
    }
    Stream& stream = this->stream(key);
    stream.place = ++added_;
    while (!text.empty()) {
        if (stream.line.empty())
            stream.time_ns = time_ns;
        const std::size_t length = std::min(text.find('\n'), text.size());
        stream.line += text.substr(0, length);
        unended_bytes_ += length;
        text.remove_prefix(length);
        if (text.empty())
            break;
        text.remove_prefix(1);
        end_line(key, stream, true);
    }
    // A tail ends before anything is followed: what it reads is no larger than the log.
    if (!tail_ && unended_bytes_ > max_unended)
        show_part(key, stream);
}

LogRenderer::Line LogRenderer::take_line(const StreamKey& key, Stream& stream, bool ended) {
    unended_bytes_ -= stream.line.size();
    return {prefix(key, stream.time_ns), std::exchange(stream.line, {}), ended, stream.place};
}

void LogRenderer::end_line(const StreamKey& key, Stream& stream, bool ended) {
    Line line = take_line(key, stream, ended);
    const Begun begun = std::exchange(stream.begun, Begun::no);
    if (tail_) {
        // An unfinished line is placed where its last bytes are, not behind later output.
        const auto behind = std::ranges::upper_bound(tail_lines_, line.place, {}, &Line::place);
        tail_lines_.insert(behind, std::move(line));
        while (tail_lines_.size() > *tail_)
            tail_lines_.pop_front();
    } else if (begun == Begun::shown) {
        show(line.text);
        if (ended)
            show("\n");
    } else if (begun == Begun::no && wanted(line)) {
        show_line(line);
    }
}

void LogRenderer::show_part(const StreamKey& key, Stream& stream) {
    const Line part = take_line(key, stream, false);
    if (stream.begun == Begun::no) {
        stream.begun = wanted(part) ? Begun::shown : Begun::left_out;
        if (stream.begun == Begun::shown && line_open_ && !part.prefix.empty())
            show("\n");
        if (stream.begun == Begun::shown)
            show(part.prefix);
    }
    if (stream.begun == Begun::shown)
        show(part.text);
}

bool LogRenderer::wanted(const Line& line) const {
    if (style_.grep == nullptr)
        return true;
    if (!style_.colours)
        return style_.grep->matches(line.text);
    TerminalText plain({.colours = false, .visible_controls = false});
    return style_.grep->matches(plain.filter(line.text));
}

void LogRenderer::show_line(const Line& line) {
    // Text stays as it was written, whatever selects it; only prefixes need lines of their own.
    if (line_open_ && !line.prefix.empty())
        show("\n");
    show(line.prefix);
    show(line.text);
    if (line.ended || !line.prefix.empty())
        show("\n");
}

void LogRenderer::end_lines() {
    std::map<std::uint64_t, StreamKey> unended; // in the order of their last bytes
    for (const auto& [key, stream] : streams_)
        if (!stream.line.empty() || stream.begun != Begun::no)
            unended.emplace(stream.place, key);
    for (const auto& [place, key] : unended)
        end_line(key, streams_.at(key), false);
}

void LogRenderer::end_tail() {
    if (!tail_)
        return;
    end_lines();
    tail_.reset();
    for (const Line& line : tail_lines_)
        if (wanted(line))
            show_line(line);
    tail_lines_.clear();
}

void LogRenderer::finish() {
    end_lines();
    if (std::exchange(coloured_, false) && !style_.raw)
        out_ += reset; // a command may have left its colour on
}

std::string LogRenderer::prefix(const StreamKey& key, std::int64_t time_ns) const {
    static constexpr std::array<int, 8> session_colours = {36, 35, 32, 34, 96, 95, 92, 94};
    std::string text;
    if (style_.colours && (style_.timestamps || style_.session_ids))
        text += reset;
    if (style_.timestamps) {
        const std::string time = format_rfc3339(time_ns, 3);
        text += style_.colours ? fmt::format("\x1b[2m{}{}\t", time, reset) : time + "\t";
    }
    if (style_.session_ids) {
        const std::string id = key.second ? fmt::format("[id:{:>3}] ", *key.second) : "[id:sys] ";
        text += style_.colours && style_.colour_sessions && key.second
                    ? fmt::format("\x1b[{}m{}{}", session_colours[*key.second % 8], id, reset)
                    : id;
    }
    return text;
}

void LogRenderer::show(std::string_view text) {
    if (text.empty())
        return;
    line_open_ = text.back() != '\n';
    coloured_ = coloured_ || text.find('\x1b') != std::string_view::npos;
    out_ += text;
}

} // namespace msb::cli
