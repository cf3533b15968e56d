#include "tls/content/scanner.hpp"

#include <algorithm>
#include <cstring>

namespace msb::tls {

Words::Words(const std::vector<std::string_view>& words) {
    for (std::uint32_t number = 0; number < words.size(); ++number) {
        const std::string_view word = words[number];
        sizes_.push_back(word.size());
        if (word.empty())
            continue;
        longest_ = std::max(longest_, word.size());
        const auto begin = static_cast<std::uint8_t>(word.front());
        only_begin_ =
            std::ranges::none_of(begins_, [](bool any) { return any; }) || only_begin_ == begin
                ? begin
                : -1;
        begins_[begin] = true;
        std::uint32_t node = 0;
        for (const char letter : word) {
            const auto byte = static_cast<std::uint8_t>(letter);
            std::uint32_t next = step(node, byte);
            if (next == nowhere) {
                next = static_cast<std::uint32_t>(nodes_.size());
                nodes_.push_back({nowhere, nowhere, nodes_[node].first, byte});
                nodes_[node].first = next;
            }
            node = next;
        }
        if (nodes_[node].word == nowhere) // the first of equal ones
            nodes_[node].word = number;
    }
}

std::uint32_t Words::step(std::uint32_t node, std::uint8_t byte) const {
    std::uint32_t child = nodes_[node].first;
    while (child != nowhere && nodes_[child].byte != byte)
        child = nodes_[child].next;
    return child;
}

std::size_t Words::next_begin(std::string_view text, std::size_t from) const {
    if (from >= text.size() || empty())
        return text.size();
    if (only_begin_ >= 0) {
        const auto* const found = static_cast<const char*>(
            std::memchr(text.data() + from, only_begin_, text.size() - from));
        return found == nullptr ? text.size() : static_cast<std::size_t>(found - text.data());
    }
    while (from < text.size() && !begins_[static_cast<std::uint8_t>(text[from])])
        ++from;
    return from;
}

} // namespace msb::tls
