#include "tls/content/detector.hpp"

namespace msb::tls {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

struct Report {
    const Detector::Found& found;
    Form form;
    void text(std::string_view) const {}
    void word(std::uint32_t number) const { found(number, form); }
};

} // namespace

std::string_view to_string(Form form) {
    switch (form) {
    case Form::raw: return "raw";
    case Form::percent: return "percent_decoded";
    case Form::json: return "json_unescaped";
    case Form::basic: return "basic_auth_decoded";
    }
    return "raw";
}

void PercentDecoder::feed(std::string_view data, std::string& out) {
    for (const char c : data) {
        if (pending_.empty()) {
            (c == mark ? pending_ : out) += c;
        } else if (hex_digit(c) < 0) {
            out += std::exchange(pending_, {});
            (c == mark ? pending_ : out) += c;
        } else if (pending_.size() == 1) {
            pending_ += c;
        } else {
            out += static_cast<char>(hex_digit(pending_[1]) * 16 + hex_digit(c));
            pending_.clear();
        }
    }
}

void JsonDecoder::feed(std::string_view data, std::string& out) {
    constexpr std::size_t whole = 6; // \uXXXX
    for (const char c : data) {
        if (pending_.empty()) {
            (c == mark ? pending_ : out) += c;
            continue;
        }
        if (pending_.size() == 1 && c != 'u') {
            constexpr std::string_view letters = "bfnrt", meanings = "\b\f\n\r\t";
            const auto short_one = letters.find(c);
            out += short_one == std::string_view::npos ? c : meanings[short_one];
            pending_.clear();
            continue;
        }
        if (pending_.size() > 1 && hex_digit(c) < 0) { // no escape after all
            out += std::exchange(pending_, {});
            (c == mark ? pending_ : out) += c;
            continue;
        }
        pending_ += c;
        if (pending_.size() < whole)
            continue;
        unsigned value = 0;
        for (std::size_t i = 2; i < whole; ++i)
            value = value * 16 + static_cast<unsigned>(hex_digit(pending_[i]));
        out += value < 0x80 ? static_cast<char>(value) : '?';
        pending_.clear();
    }
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    PercentDecoder decoder;
    decoder.feed(text, out);
    decoder.finish(out);
    return out;
}

/// As long as there is nothing to undo, the decoded stream is the stream itself, which raw_ has seen.
template <typename Decoder>
void Detector::feed_decoded(Decoder& decoder, Scanner& scanner, std::string_view data, bool marked,
                            Form form, const Found& found, std::string* decoded) {
    if (!marked && decoder.idle() && scanner.held().empty()) {
        scanner.hold(raw_.held());
        return;
    }
    std::string out;
    decoder.feed(data, out);
    Report report{found, form};
    scanner.feed(out, report);
    if (decoded != nullptr)
        *decoded = std::move(out);
}

void Detector::feed(std::string_view data, const Found& found) {
    if (words_->empty() || data.empty())
        return;
    const bool percent = data.find(PercentDecoder::mark) != std::string_view::npos;
    const bool escape = data.find(JsonDecoder::mark) != std::string_view::npos;
    // What the decoded streams hold back from before is the same unless there were escapes.
    Report report{found, Form::raw};
    raw_.feed(data, report);
    std::string decoded;
    const bool quiet = !percent && percent_.idle() && once_.held().empty();
    feed_decoded(percent_, once_, data, percent, Form::percent, found, &decoded);
    if (quiet)
        feed_decoded(percent_again_, twice_, data, false, Form::percent, found, nullptr);
    else
        feed_decoded(percent_again_, twice_, decoded, true, Form::percent, found, nullptr);
    feed_decoded(unescape_, json_, data, escape, Form::json, found, nullptr);
}

void Detector::finish(const Found& found) {
    if (words_->empty())
        return;
    std::string rest;
    percent_.finish(rest);
    Report report{found, Form::percent};
    once_.feed(rest, report);
    once_.finish(report);
    std::string again;
    percent_again_.feed(rest, again);
    percent_again_.finish(again);
    twice_.feed(again, report);
    twice_.finish(report);
    std::string unescaped;
    unescape_.finish(unescaped);
    report.form = Form::json;
    json_.feed(unescaped, report);
    json_.finish(report);
    report.form = Form::raw;
    raw_.finish(report);
}

} // namespace msb::tls
