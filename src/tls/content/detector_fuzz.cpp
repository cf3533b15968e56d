// The detector on random pieces against one that sees all at once and decodes it as a whole.
#include "tls/content/detector.hpp"

#include <cstdlib>
#include <set>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace msb::tls;
    if (size < 1)
        return 0;
    const auto words =
        std::make_shared<Words>(std::vector<std::string_view>{"$KEY", "$KEY2", "a%b"});
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    const std::size_t piece = data[0] % 16 + 1;
    std::set<std::uint32_t> found;
    const auto note = [&](std::uint32_t word, Form) { found.insert(word); };
    Detector detector(words);
    for (std::size_t at = 0; at < text.size(); at += piece)
        detector.feed(text.substr(at, piece), note);
    detector.finish(note);
    // Leftmost and longest, in each form of the text.
    std::set<std::uint32_t> slow;
    const std::string once = percent_decoded(text), twice = percent_decoded(once);
    std::string json;
    JsonDecoder decoder;
    decoder.feed(text, json);
    decoder.finish(json);
    const std::string_view all[] = {"$KEY2", "$KEY", "a%b"};
    const std::uint32_t numbers[] = {1, 0, 2};
    for (const std::string_view form :
         {text, std::string_view(once), std::string_view(twice), std::string_view(json)})
        for (std::size_t at = 0; at < form.size(); ++at)
            for (std::size_t i = 0; i < std::size(all); ++i)
                if (form.substr(at).starts_with(all[i])) {
                    slow.insert(numbers[i]);
                    at += all[i].size() - 1;
                    break;
                }
    // Words with a mark of their own may be missed behind an escape; no other.
    found.erase(2);
    slow.erase(2);
    if (found != slow)
        std::abort();
    return 0;
}
