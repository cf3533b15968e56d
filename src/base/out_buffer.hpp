// Bytes on their way out: appended at the end, taken from the front, without moving what remains
// each time.
#pragma once

#include "base/bytes.hpp"

#include <algorithm>
#include <utility>

namespace msb {

class OutBuffer {
  public:
    bool empty() const { return begin_ == data_.size(); }
    std::size_t size() const { return data_.size() - begin_; }
    BytesView view() const { return BytesView(data_).subspan(begin_); }

    /// For encoders that append.
    Bytes& tail() { return data_; }
    void append(BytesView data) { data_.insert(data_.end(), data.begin(), data.end()); }
    void consume(std::size_t count) {
        begin_ += count;
        peak_ = std::max(peak_, data_.size());
        if (begin_ == data_.size()) {
            begin_ = 0;
            data_.clear();
            // A stream fills the buffer again and again, so its memory is kept meanwhile.
            if (std::exchange(peak_, 0) <= small && data_.capacity() > small)
                Bytes().swap(data_);
        } else if (begin_ > data_.size() / 2) {
            data_.erase(data_.begin(), data_.begin() + static_cast<std::ptrdiff_t>(begin_));
            begin_ = 0;
        }
    }
    /// Gives the memory back too.
    void clear() {
        Bytes().swap(data_);
        begin_ = peak_ = 0;
    }

  private:
    static constexpr std::size_t small = std::size_t{64} << 10;
    Bytes data_;
    std::size_t begin_ = 0;
    std::size_t peak_ = 0; ///< most that was in data_ since it was empty
};

} // namespace msb
