#include "logs/line.hpp"

#include "base/time.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <fmt/format.h>

namespace msb {

namespace {

constexpr std::array<std::string_view, 5> source_names = {"stdout", "stderr", "output", "system",
                                                          "boot-error"};

/// How a byte stands in a JSON string (RFC 8259 section 7).
struct JsonForm {
    std::array<char, 7> text;
    std::uint8_t size;
};
constexpr std::array<JsonForm, 256> make_json_forms() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<JsonForm, 256> forms{};
    for (std::size_t byte = 0; byte < forms.size(); ++byte)
        forms[byte] =
            byte < 0x20 ? JsonForm{{'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0xf]}, 6}
                        : JsonForm{{static_cast<char>(byte)}, 1};
    for (const auto& [byte, letter] :
         {std::pair('"', '"'), std::pair('\\', '\\'), std::pair('\n', 'n'), std::pair('\r', 'r'),
          std::pair('\t', 't')})
        forms[static_cast<unsigned char>(byte)] = {{'\\', letter}, 2};
    return forms;
}
constexpr auto json_forms = make_json_forms();

/// Sixteen bytes at a time: commands write mostly what needs no escape.
using Block = std::uint8_t __attribute__((vector_size(16)));

/// Whether one of the bytes needs an escape.
bool needs_escape(Block block) {
    const auto found = (block < 0x20) | (block == '"') | (block == '\\');
    std::array<std::uint64_t, 2> halves;
    static_assert(sizeof(halves) == sizeof(found));
    std::memcpy(halves.data(), &found, sizeof(found));
    return (halves[0] | halves[1]) != 0;
}

/// `text` must be valid UTF-8. False, and nothing is appended, if escapes make it or a beginning of
/// it more than three times as long: then it is hardly text.
bool append_json_string(std::string& out, std::string_view text) {
    const std::size_t begin = out.size();
    // Room for the worst, without filling it: a block beyond the limit, forms stored whole, quotes.
    constexpr std::size_t slack = 128;
    const std::size_t most = begin + 3 * text.size() + 2 * slack;
    bool fits = true;
    out.resize_and_overwrite(most, [&](char* buffer, std::size_t) {
        char* to = buffer + begin;
        const char* from = text.data();
        const char* const end = from + text.size();
        const auto within_limit = [&] {
            return to - (buffer + begin) <= 3 * (from - text.data()) + std::ptrdiff_t{slack};
        };
        const auto put = [&to](char c) {
            const JsonForm& form = json_forms[static_cast<unsigned char>(c)];
            std::memcpy(to, form.text.data(), form.text.size());
            to += form.size;
        };
        *to++ = '"';
        Block block;
        while (end - from >= static_cast<std::ptrdiff_t>(sizeof(block)) && within_limit()) {
            std::memcpy(&block, from, sizeof(block));
            if (needs_escape(block)) {
                for (std::size_t i = 0; i < sizeof(block); ++i)
                    put(from[i]);
            } else {
                std::memcpy(to, &block, sizeof(block));
                to += sizeof(block);
            }
            from += sizeof(block);
        }
        fits = within_limit();
        if (!fits)
            return begin;
        while (from < end)
            put(*from++);
        *to++ = '"';
        return static_cast<std::size_t>(to - buffer);
    });
    return fits;
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    }
}

/// Reads one flat JSON object; members may be strings, numbers, true, false and null. Nothing
/// nests, so nothing recurses.
class LineParser {
  public:
    explicit LineParser(std::string_view text) : text_(text) {}

    std::optional<LogRecord> parse() {
        skip_blanks();
        if (!take('{'))
            return std::nullopt;
        bool more = !take('}');
        while (more) {
            std::string key;
            if (!take_string(key) || !take(':') || !take_member(key))
                return std::nullopt;
            if (take('}'))
                more = false;
            else if (!take(','))
                return std::nullopt;
        }
        skip_blanks();
        if (!text_.empty())
            return std::nullopt;
        return finish();
    }

  private:
    void skip_blanks() {
        const auto begin = text_.find_first_not_of(" \t\r");
        text_.remove_prefix(begin == std::string_view::npos ? text_.size() : begin);
    }

    bool take(char c) {
        skip_blanks();
        if (text_.empty() || text_.front() != c)
            return false;
        text_.remove_prefix(1);
        return true;
    }

    bool take_string(std::string& out) {
        if (!take('"'))
            return false;
        for (;;) {
            const auto special = text_.find_first_of("\"\\");
            if (special == std::string_view::npos)
                return false;
            out.append(text_.substr(0, special));
            const bool end = text_[special] == '"';
            text_.remove_prefix(special + 1);
            if (end)
                return true;
            if (!take_escape(out))
                return false;
        }
    }

    bool take_escape(std::string& out) {
        if (text_.empty())
            return false;
        const char c = text_.front();
        text_.remove_prefix(1);
        switch (c) {
        case '"':
        case '\\':
        case '/': out += c; return true;
        case 'b': out += '\b'; return true;
        case 'f': out += '\f'; return true;
        case 'n': out += '\n'; return true;
        case 'r': out += '\r'; return true;
        case 't': out += '\t'; return true;
        case 'u': return take_unicode(out);
        default: return false;
        }
    }

    bool take_unicode(std::string& out) {
        constexpr std::uint32_t replacement = 0xfffd;
        const auto first = take_hex();
        if (!first)
            return false;
        std::uint32_t code = *first;
        if (code >= 0xd800 && code <= 0xdbff && text_.starts_with("\\u")) {
            const std::string_view before = text_;
            text_.remove_prefix(2);
            const auto second = take_hex();
            if (second && *second >= 0xdc00 && *second <= 0xdfff)
                code = 0x10000 + ((code - 0xd800) << 10) + (*second - 0xdc00);
            else
                text_ = before;
        }
        append_utf8(out, code >= 0xd800 && code <= 0xdfff ? replacement : code);
        return true;
    }

    std::optional<std::uint32_t> take_hex() {
        std::uint32_t value = 0;
        const char* begin = text_.data();
        if (text_.size() < 4)
            return std::nullopt;
        const auto [end, error] = std::from_chars(begin, begin + 4, value, 16);
        if (error != std::errc{} || end != begin + 4)
            return std::nullopt;
        text_.remove_prefix(4);
        return value;
    }

    bool take_member(std::string_view key) {
        skip_blanks();
        if (text_.starts_with('"')) {
            std::string value;
            if (!take_string(value))
                return false;
            if (key == "d")
                data_ = std::move(value);
            else if (key == "s")
                source_ = parse_log_source(value);
            else if (key == "t")
                time_ = parse_rfc3339(value);
            else if (key == "e")
                encoding_ = std::move(value);
            return true;
        }
        const auto end = text_.find_first_of(",} \t\r");
        const std::string_view word = text_.substr(0, end);
        if (word.empty() || word.find_first_of("{[\"") != std::string_view::npos)
            return false;
        text_.remove_prefix(word.size());
        return key == "id" ? take_session(word) : key != "d" && key != "s" && key != "t";
    }

    bool take_session(std::string_view word) {
        if (word == "null")
            return true;
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        session_ = value;
        return error == std::errc{} && end == word.data() + word.size();
    }

    std::optional<LogRecord> finish() {
        if (!data_ || !source_ || !time_)
            return std::nullopt;
        LogRecord record{*time_, *source_, session_, {}};
        if (encoding_ == "b64") {
            auto bytes = from_base64(*data_);
            if (!bytes)
                return std::nullopt;
            record.data = std::move(*bytes);
        } else if (encoding_.empty()) {
            record.data.assign(data_->begin(), data_->end());
        } else {
            return std::nullopt; // from a newer writer
        }
        return record;
    }

    std::string_view text_;
    std::optional<std::string> data_;
    std::optional<LogSource> source_;
    std::optional<std::int64_t> time_;
    std::optional<std::uint64_t> session_;
    std::string encoding_;
};

} // namespace

std::string_view to_string(LogSource source) {
    return source_names[static_cast<std::size_t>(source)];
}

std::optional<LogSource> parse_log_source(std::string_view name) {
    for (std::size_t i = 0; i < source_names.size(); ++i)
        if (source_names[i] == name)
            return static_cast<LogSource>(i);
    return std::nullopt;
}

void append_log_line(std::string& out, std::int64_t time_ns, LogSource source,
                     std::optional<std::uint64_t> session, BytesView data) {
    const std::string_view text = as_text(data);
    out += "{\"d\":";
    if (valid_utf8_prefix(text) < text.size() || !append_json_string(out, text)) {
        out += '"';
        append_base64(out, data);
        out += "\",\"e\":\"b64\"";
    }
    if (session)
        fmt::format_to(std::back_inserter(out), ",\"id\":{}", *session);
    fmt::format_to(std::back_inserter(out), ",\"s\":\"{}\",\"t\":\"{}\"}}\n", to_string(source),
                   format_rfc3339(time_ns, 3));
}

std::optional<LogRecord> parse_log_line(std::string_view line) {
    return LineParser(line).parse();
}

std::size_t incomplete_utf8_suffix(std::string_view text) {
    for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xc0) == 0x80)
            continue; // in the middle of a sequence
        const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

} // namespace msb
