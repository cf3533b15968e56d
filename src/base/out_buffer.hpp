// Bytes on their way out: appended at the end, taken from the front, without moving what remains
// each time.
#pragma once

#include "base/bytes.hpp"

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
        if (begin_ == data_.size()) {
            begin_ = 0;
            data_.clear();
            if (data_.capacity() > kept_capacity)
                Bytes().swap(data_);
        } else if (begin_ > data_.size() / 2) {
            data_.erase(data_.begin(), data_.begin() + static_cast<std::ptrdiff_t>(begin_));
            begin_ = 0;
        }
    }

  private:
    /// What grew beyond this is given back when it is empty.
    static constexpr std::size_t kept_capacity = std::size_t{1} << 20;
    Bytes data_;
    std::size_t begin_ = 0;
};

} // namespace msb
