#include "logs/terminal_text.hpp"

#include "base/bytes.hpp"

#include <fmt/format.h>
#include <utility>

namespace msb {

namespace {

constexpr char escape = '\x1b';
constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD
/// Longer sequences are broken ones; without a bound an unfinished one would hide all that follows.
constexpr std::size_t max_sequence = 64;
constexpr std::size_t max_string = 4096;

/// U+0080 to U+009F: some terminals take them for control sequences, as in 8-bit character sets.
bool is_c1(std::string_view character) {
    return character.size() == 2 && character[0] == '\xc2' &&
           static_cast<unsigned char>(character[1]) < 0xa0;
}

} // namespace

std::string TerminalText::filter(std::string_view piece) {
    std::string out;
    out.reserve(piece.size());
    while (!piece.empty()) {
        const std::size_t valid = valid_utf8_prefix(piece);
        for (std::size_t i = 0; i < valid;) {
            const auto lead = static_cast<unsigned char>(piece[i]);
            const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
            take(out, piece.substr(i, length));
            i += length;
        }
        piece.remove_prefix(valid);
        if (piece.empty())
            break;
        take(out, options_.visible_controls ? replacement : piece.substr(0, 1));
        piece.remove_prefix(1);
    }
    return out;
}

void TerminalText::take(std::string& out, std::string_view character) {
    const char c = character.front();
    switch (state_) {
    case State::text:
        if (c == escape) {
            state_ = State::escape;
            sequence_ = c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            take_control(out, static_cast<unsigned char>(c));
        } else {
            if (std::exchange(carriage_return_, false))
                out += '\n';
            out += options_.visible_controls && is_c1(character) ? replacement : character;
        }
        return;
    case State::escape:
        if (c == '[') {
            state_ = State::csi;
            sequence_ += c;
        } else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') {
            state_ = State::string; // OSC, DCS, SOS, PM, APC: until BEL or ESC backslash
            string_length_ = 0;
        } else if (c < 0x20 || c > 0x2f || sequence_.size() >= max_sequence) {
            state_ = State::text; // the final byte, or nonsense
        } else {
            sequence_ += c;
        }
        return;
    case State::csi:
        if (c >= 0x40 && c <= 0x7e)
            return end_sequence(out, c);
        if (c < 0x20 || c > 0x3f || sequence_.size() >= max_sequence) {
            state_ = State::text;
            return take(out, character);
        }
        sequence_ += c;
        return;
    case State::string:
    case State::string_escape:
        if (c == '\a' || (state_ == State::string_escape && c == '\\'))
            state_ = State::text;
        else if (c == '\n' || ++string_length_ > max_string) {
            state_ = State::text;
            take(out, character);
        } else
            state_ = c == escape ? State::string_escape : State::string;
        return;
    }
}

void TerminalText::end_sequence(std::string& out, char final) {
    state_ = State::text;
    // Only digits and separators: "ESC [ > 4 m" for one sets what keys send.
    if (!options_.colours || final != 'm' ||
        sequence_.find_first_not_of("0123456789;:", 2) != std::string::npos)
        return;
    if (std::exchange(carriage_return_, false))
        out += '\n';
    out += sequence_;
    out += final;
}

void TerminalText::take_control(std::string& out, unsigned char c) {
    if (!options_.visible_controls) {
        out += static_cast<char>(c);
        return;
    }
    if (c == '\r') { // shown as the line end it mostly belongs to
        carriage_return_ = true;
        return;
    }
    if (std::exchange(carriage_return_, false) && c != '\n')
        out += '\n';
    if (c == '\n' || c == '\t')
        out += static_cast<char>(c);
    else
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", c);
}

std::string plain_line(std::string_view line) {
    // A console ends its lines with CR LF, and a bar of progress begins them with CR.
    while (line.ends_with('\r'))
        line.remove_suffix(1);
    while (line.starts_with('\r'))
        line.remove_prefix(1);
    std::string text = TerminalText({}).filter(line);
    for (char& c : text)
        if (c == '\n')
            c = ' ';
    return text;
}

} // namespace msb
