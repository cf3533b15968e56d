// Text in which words become others.
#pragma once

#include "tls/content/scanner.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace msb::tls {

/// `word`: what stands for the word of this number.
template <typename Word>
std::string replace_words(const std::shared_ptr<const Words>& words, std::string_view text,
                          Word word) {
    struct Sink {
        std::string out{};
        Word& replacement;
        void text(std::string_view part) { out += part; }
        void word(std::uint32_t number) { out += replacement(number); }
    } sink{.replacement = word};
    Scanner scanner(words);
    scanner.feed(text, sink);
    scanner.finish(sink);
    return std::move(sink.out);
}

} // namespace msb::tls
