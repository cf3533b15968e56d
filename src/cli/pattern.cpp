#include "cli/pattern.hpp"

#include <array>

namespace msb::cli {

namespace {

/// glibc knows \w, \s and \b; digits have to be spelled out.
std::string with_digit_classes(std::string_view text) {
    std::string out;
    bool in_brackets = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (c == '\\' && (next == 'd' || next == 'D')) {
            if (in_brackets)
                out += next == 'd' ? "0-9" : "\\D";
            else
                out += next == 'd' ? "[0-9]" : "[^0-9]";
            ++i;
            continue;
        }
        if (c == '\\' && !in_brackets && next != '\0') {
            out += c;
            out += next;
            ++i;
            continue;
        }
        if (c == '[' && !in_brackets) {
            in_brackets = true;
            out += c;
            // A bracket that comes first, or behind ^, is an ordinary member.
            if (next == '^')
                out += text[++i];
            if (i + 1 < text.size() && text[i + 1] == ']')
                out += text[++i];
            continue;
        }
        if (c == '[' && in_brackets && (next == ':' || next == '.' || next == '=')) {
            const auto end = text.find(std::string{next, ']'}, i + 2);
            if (end != std::string_view::npos) {
                out += text.substr(i, end + 2 - i);
                i = end + 1;
                continue;
            }
        }
        if (c == ']')
            in_brackets = false;
        out += c;
    }
    return out;
}

} // namespace

Result<Pattern> Pattern::compile(const std::string& text) {
    int flags = REG_EXTENDED;
    std::string_view body = text;
    if (body.starts_with("(?i)")) {
        flags |= REG_ICASE;
        body.remove_prefix(4);
    }
    auto regex = std::make_unique<regex_t>();
    const std::string source = with_digit_classes(body);
    if (const int error = ::regcomp(regex.get(), source.c_str(), flags); error != 0) {
        std::array<char, 256> message{};
        ::regerror(error, regex.get(), message.data(), message.size());
        return fail(ErrorKind::invalid_argument,
                    "invalid regular expression '" + text + "': " + message.data());
    }
    return Pattern(std::unique_ptr<regex_t, Free>(regex.release()));
}

bool Pattern::matches(std::string_view text) const {
    regmatch_t range{};
    range.rm_so = 0;
    range.rm_eo = static_cast<regoff_t>(text.size());
    const char* begin = text.data(); // REG_STARTEND: no terminator is looked for
    return ::regexec(regex_.get(), begin, 1, &range, REG_STARTEND) == 0;
}

} // namespace msb::cli
