// Finds any of many words in a stream that arrives in pieces: the leftmost, and of those that begin at the
// same place the longest.
//
// How it is fast with many words: all words have at least `shortest` bytes, so what is looked at first are the last
// bytes, a block, of the window of that size in which a word could stand. A table by the block says how far the window
// can move without missing a word (Wu and Manber, 1994); only where it says "not at all" are letters compared, along the
// tree of the words. The table grows with the words, so the length of a step hardly depends on their number.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msb::tls {

/// The words, and where each byte leads. Never changed, so that many streams share it.
class Words {
  public:
    /// At most this many bytes in all; words beyond it are an error of the caller's, who has checked it.
    static constexpr std::size_t most_bytes = std::size_t{1} << 20;
    static constexpr std::uint32_t nowhere = UINT32_MAX;

    /// Empty words are never found.
    explicit Words(const std::vector<std::string_view>& words);

    bool empty() const { return nodes_.size() == 1; }
    std::size_t longest() const { return longest_; }
    std::size_t size_of(std::uint32_t word) const { return sizes_[word]; }

    /// From the node 0, the beginning of all words.
    std::uint32_t step(std::uint32_t node, std::uint8_t byte) const {
        std::uint32_t child = node == 0 ? begins_[byte] : nodes_[node].first;
        while (child != nowhere && nodes_[child].byte != byte)
            child = nodes_[child].next;
        return child;
    }
    /// The word that ends there, or `nowhere`.
    std::uint32_t word_at(std::uint32_t node) const { return nodes_[node].word; }
    bool is_end(std::uint32_t node) const { return nodes_[node].first == nowhere; }
    /// Where in `text` a word could begin; its size if nowhere.
    std::size_t next_begin(std::string_view text, std::size_t from) const;

  private:
    static constexpr std::size_t block = 3;

    void add(std::string_view word, std::uint32_t number);
    void fill_shifts(const std::vector<std::string_view>& words);
    std::size_t slot_of(std::string_view text, std::size_t end) const;

    /// Children are a list of siblings: words have few letters in common.
    struct Node {
        std::uint32_t word = nowhere;
        std::uint32_t first = nowhere, next = nowhere; ///< child, sibling
        std::uint8_t byte = 0;
    };
    std::vector<Node> nodes_{1};
    std::vector<std::size_t> sizes_; ///< of each word
    std::size_t longest_ = 0, shortest_ = 0;
    std::array<std::uint32_t, 256> begins_; ///< children of the first node, the only one with many
    int only_begin_ = -1;                   ///< if all words begin with the same byte
    std::vector<std::uint8_t> shifts_;      ///< a power of two; none: words too short
};

class Scanner {
  public:
    explicit Scanner(std::shared_ptr<const Words> words) : words_(std::move(words)) {}

    /// Calls sink.text() with what belongs to no word and sink.word() with the number of each word, in
    /// their order. What may be the beginning of a word is held back.
    template <typename Sink> void feed(std::string_view data, Sink& sink) {
        scan(data, false, sink);
    }
    /// Nothing more is coming.
    template <typename Sink> void finish(Sink& sink) { scan({}, true, sink); }

    const std::string& held() const { return held_; }
    /// As if the stream had been another one that ended with this.
    void hold(std::string held) { held_ = std::move(held); }

  private:
    template <typename Sink> void scan(std::string_view data, bool last, Sink& sink);

    std::shared_ptr<const Words> words_;
    std::string held_;
};

template <typename Sink> void Scanner::scan(std::string_view data, bool last, Sink& sink) {
    std::string joined;
    if (!held_.empty()) {
        joined = std::exchange(held_, {});
        joined += data;
        data = joined;
    }
    std::size_t done = 0; // what was passed on
    std::size_t at = words_->next_begin(data, 0);
    while (at < data.size()) {
        std::uint32_t node = 0, found = Words::nowhere;
        std::size_t found_end = 0, end = at;
        while (end < data.size() && !words_->is_end(node)) {
            const std::uint32_t next = words_->step(node, static_cast<std::uint8_t>(data[end]));
            if (next == Words::nowhere)
                break;
            node = next;
            ++end;
            if (words_->word_at(node) != Words::nowhere) {
                found = words_->word_at(node);
                found_end = end;
            }
        }
        const bool open = end == data.size() && !words_->is_end(node) && !last;
        if (open) { // what follows decides
            sink.text(data.substr(done, at - done));
            held_ = data.substr(at);
            return;
        }
        if (found != Words::nowhere) {
            sink.text(data.substr(done, at - done));
            sink.word(found);
            done = at = found_end;
        } else {
            ++at;
        }
        at = words_->next_begin(data, at);
    }
    sink.text(data.substr(done));
}

} // namespace msb::tls
