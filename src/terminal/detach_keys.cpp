#include "terminal/detach_keys.hpp"

#include <algorithm>

namespace msb {

namespace {

constexpr std::size_t max_keys = 16;

Result<std::uint8_t> parse_key(std::string_view key) {
    constexpr std::string_view control = "ctrl-";
    if (key.size() == 1)
        return static_cast<std::uint8_t>(key[0]);
    if (key.size() == control.size() + 1 && key.starts_with(control)) {
        const char letter = key.back();
        if ((letter >= 'a' && letter <= 'z') || (letter >= '@' && letter <= '_'))
            return static_cast<std::uint8_t>(letter & 0x1f);
    }
    return fail(ErrorKind::invalid_argument,
                "invalid detach key '" + std::string(key) +
                    "' (expected: a character, or ctrl-X with X a letter or one of @ [ \\ ] ^ _)");
}

} // namespace

Result<Bytes> parse_detach_keys(std::string_view text) {
    Bytes keys;
    if (text == "none")
        return keys;
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        more = comma != std::string_view::npos;
        keys.push_back(MSB_TRY(parse_key(text.substr(0, comma))));
        text = more ? text.substr(comma + 1) : std::string_view();
    }
    if (keys.size() > max_keys)
        return fail(ErrorKind::invalid_argument, "more than 16 detach keys");
    return keys;
}

Bytes DetachKeys::filter(BytesView typed) {
    Bytes passed;
    for (const std::uint8_t byte : typed) {
        if (pressed_)
            break;
        // Bytes that were held back and do not continue the sequence are passed on, but their end
        // may begin the sequence anew.
        while (matched_ > 0 && keys_[matched_] != byte) {
            std::size_t shift = 1;
            while (shift < matched_ &&
                   !std::equal(keys_.begin() + static_cast<std::ptrdiff_t>(shift),
                               keys_.begin() + static_cast<std::ptrdiff_t>(matched_),
                               keys_.begin()))
                ++shift;
            passed.insert(passed.end(), keys_.begin(),
                          keys_.begin() + static_cast<std::ptrdiff_t>(shift));
            matched_ -= shift;
        }
        if (matched_ < keys_.size() && keys_[matched_] == byte)
            pressed_ = ++matched_ == keys_.size();
        else
            passed.push_back(byte);
    }
    return passed;
}

} // namespace msb
