// The scanner on pieces of a text against one that looks for each word at each place. The input chooses words, text and
// the size of the pieces; few different letters, so that words are found and are parts of each other.
#include "tls/content/scanner.hpp"

#include <cstdlib>

namespace {

struct Sink {
    std::string out{};
    void text(std::string_view part) { out += part; }
    void word(std::uint32_t number) { out += "<" + std::to_string(number) + ">"; }
};

/// Leftmost, then longest, then first.
std::string slowly(const std::vector<std::string_view>& words, std::string_view text) {
    Sink sink;
    while (!text.empty()) {
        std::uint32_t found = msb::tls::Words::nowhere;
        for (std::uint32_t i = 0; i < words.size(); ++i)
            if (!words[i].empty() && text.starts_with(words[i]) &&
                (found == msb::tls::Words::nowhere || words[i].size() > words[found].size()))
                found = i;
        const bool any = found != msb::tls::Words::nowhere;
        any ? sink.word(found) : sink.text(text.substr(0, 1));
        text.remove_prefix(any ? words[found].size() : 1);
    }
    return sink.out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t most_words = 16, sizes = 16, letters = 4;
    if (size < 2)
        return 0;
    const std::size_t piece = data[0] % sizes + 1, count = data[1] % most_words;
    std::string input;
    for (std::size_t i = 2; i < size; ++i)
        input += static_cast<char>('a' + data[i] % letters);
    std::string_view text = input;
    std::vector<std::string_view> words;
    for (std::size_t i = 0; i < count && 2 + i < size; ++i) {
        // At least four letters every other time, so that there are steps of more than one.
        const std::size_t length = data[2 + i] % sizes + (data[0] & 0x80 ? letters : 0);
        words.push_back(text.substr(0, length));
        text.remove_prefix(words.back().size());
    }
    Sink sink;
    msb::tls::Scanner scanner(std::make_shared<msb::tls::Words>(words));
    for (std::size_t at = 0; at < text.size(); at += piece)
        scanner.feed(text.substr(at, piece), sink);
    scanner.finish(sink);
    if (sink.out != slowly(words, text))
        std::abort();
    return 0;
}
