// Text in which words become others.
#pragma once

#include "tls/content/scanner.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace msb::tls {

/// `word`: what stands for the word of this number. What becomes longer than `most` is not finished: its
/// size says so.
template <typename Word>
std::string replace_words(const std::shared_ptr<const Words>& words, std::string_view text,
                          std::size_t most, Word word) {
    struct Sink {
        std::string out{};
        std::size_t most;
        Word& replacement;
        void text(std::string_view part) {
            if (out.size() <= most)
                out += part;
        }
        void word(std::uint32_t number) {
            if (out.size() <= most)
                out += replacement(number);
        }
    } sink{.most = most, .replacement = word};
    Scanner scanner(words);
    scanner.feed(text, sink);
    scanner.finish(sink);
    return std::move(sink.out);
}

} // namespace msb::tls
