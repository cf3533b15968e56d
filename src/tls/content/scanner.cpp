#include "tls/content/scanner.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace msb::tls {

Words::Words(const std::vector<std::string_view>& words) {
    begins_.fill(nowhere);
    for (std::uint32_t number = 0; number < words.size(); ++number) {
        sizes_.push_back(words[number].size());
        if (!words[number].empty())
            add(words[number], number);
    }
    const auto begins = static_cast<std::size_t>(
        std::ranges::count_if(begins_, [](std::uint32_t child) { return child != nowhere; }));
    if (begins == 1)
        only_begin_ = nodes_[nodes_[0].first].byte;
    else if (begins > 1 && shortest_ > block)
        fill_shifts(words);
}

void Words::add(std::string_view word, std::uint32_t number) {
    longest_ = std::max(longest_, word.size());
    shortest_ = shortest_ == 0 ? word.size() : std::min(shortest_, word.size());
    std::uint32_t node = 0;
    for (const char letter : word) {
        const auto byte = static_cast<std::uint8_t>(letter);
        std::uint32_t next = step(node, byte);
        if (next == nowhere) {
            next = static_cast<std::uint32_t>(nodes_.size());
            nodes_.push_back({nowhere, nowhere, nodes_[node].first, byte});
            nodes_[node].first = next;
            if (node == 0)
                begins_[byte] = next;
        }
        node = next;
    }
    if (nodes_[node].word == nowhere) // the first of equal ones
        nodes_[node].word = number;
}

void Words::fill_shifts(const std::vector<std::string_view>& words) {
    constexpr std::size_t per_block = 8, fewest = 256, most = std::size_t{1} << 18;
    shortest_ = std::min<std::size_t>(shortest_, UINT8_MAX); // of a window; a shift is a byte
    shifts_.assign(
        std::clamp(std::bit_ceil(words.size() * (shortest_ - block + 1) * per_block), fewest, most),
        static_cast<std::uint8_t>(shortest_ - block + 1));
    for (const std::string_view word : words)
        for (std::size_t end = block; end <= std::min(shortest_, word.size()); ++end) {
            std::uint8_t& shift = shifts_[slot_of(word, end)];
            shift = std::min(shift, static_cast<std::uint8_t>(shortest_ - end));
        }
}

/// Of the block that ends there. Blocks that share a slot only make steps shorter.
std::size_t Words::slot_of(std::string_view text, std::size_t end) const {
    const auto byte = [&](std::size_t at) {
        return std::uint32_t{static_cast<std::uint8_t>(text[at])};
    };
    constexpr std::uint32_t spread = 0x9e3779b1; // 2^32 by the golden ratio
    const std::uint32_t value = byte(end - 3) << 16 | byte(end - 2) << 8 | byte(end - 1);
    return (value * spread >> 14) & (shifts_.size() - 1);
}

std::size_t Words::next_begin(std::string_view text, std::size_t from) const {
    if (from >= text.size() || empty())
        return text.size();
    if (only_begin_ >= 0) {
        const auto* const found = static_cast<const char*>(
            std::memchr(text.data() + from, only_begin_, text.size() - from));
        return found == nullptr ? text.size() : static_cast<std::size_t>(found - text.data());
    }
    const auto begins = [&] { return begins_[static_cast<std::uint8_t>(text[from])] != nowhere; };
    while (!shifts_.empty() && from + shortest_ <= text.size()) {
        const std::uint8_t shift = shifts_[slot_of(text, from + shortest_)];
        if (shift == 0 && begins())
            return from;
        from += std::max<std::uint8_t>(shift, 1);
    }
    // Where there is less than a word it may have begun.
    while (from < text.size() && !begins())
        ++from;
    return from;
}

} // namespace msb::tls
