// A bounded first-in first-out of bytes whose content is always one contiguous span.
#pragma once

#include "base/bytes.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace msb {

class ByteQueue {
  public:
    explicit ByteQueue(std::size_t limit) : limit_(limit) {}

    BytesView view() const { return {data_.get() + begin_, end_ - begin_}; }
    std::size_t size() const { return end_ - begin_; }
    std::size_t room() const { return limit_ - size(); }
    bool empty() const { return begin_ == end_; }

    /// Makes `count` <= room() bytes at the end writable; they belong to the queue after commit().
    MutableBytesView prepare(std::size_t count) {
        if (capacity_ - end_ < count)
            make_room(count);
        return {data_.get() + end_, count};
    }
    void commit(std::size_t count) { end_ += count; }

    void append(BytesView bytes) {
        if (bytes.empty())
            return;
        std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
        commit(bytes.size());
    }
    void pop(std::size_t count) {
        begin_ += count;
        if (begin_ == end_)
            begin_ = end_ = 0;
    }
    /// Gives the memory back too.
    void clear() {
        data_.reset();
        begin_ = end_ = capacity_ = 0;
    }

  private:
    /// Moves the content to the front, in a larger allocation if it does not fit. Twice the content
    /// at least, so that the moves cost O(1) per byte; never more than twice the limit.
    void make_room(std::size_t count) {
        const std::size_t content = size();
        const std::size_t wanted = std::max<std::size_t>(4096, 2 * (content + count));
        if (wanted > capacity_) {
            auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(wanted);
            std::ranges::copy(view(), larger.get());
            data_ = std::move(larger);
            capacity_ = wanted;
        } else {
            std::memmove(data_.get(), data_.get() + begin_, content);
        }
        begin_ = 0;
        end_ = content;
    }

    std::size_t limit_;
    std::unique_ptr<std::uint8_t[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace msb
