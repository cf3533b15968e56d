// Reading what TLS and QUIC are made of.
#pragma once

#include "base/bytes.hpp"

#include <optional>

namespace msb::net {

/// Takes numbers, and lists that have their length before them, off the front.
class Cursor {
  public:
    explicit Cursor(BytesView bytes) : left_(bytes) {}

    bool empty() const { return left_.empty(); }
    BytesView left() const { return left_; }
    std::optional<BytesView> take(std::size_t count) {
        if (left_.size() < count)
            return std::nullopt;
        const BytesView taken = left_.first(count);
        left_ = left_.subspan(count);
        return taken;
    }
    std::optional<std::uint8_t> take8() {
        const auto bytes = take(1);
        return bytes ? std::optional((*bytes)[0]) : std::nullopt;
    }
    std::optional<std::uint16_t> take16() {
        const auto bytes = take(2);
        return bytes ? std::optional(load_be<std::uint16_t>(*bytes)) : std::nullopt;
    }
    /// A number with its own size before it (RFC 9000 §16).
    std::optional<std::uint64_t> take_varint() {
        if (left_.empty())
            return std::nullopt;
        const auto bytes = take(std::size_t{1} << (left_[0] >> 6));
        if (!bytes)
            return std::nullopt;
        std::uint64_t value = (*bytes)[0] & 0x3f;
        for (const std::uint8_t byte : bytes->subspan(1))
            value = value << 8 | byte;
        return value;
    }
    std::optional<BytesView> take_list8() {
        const auto size = take8();
        return size ? take(*size) : std::nullopt;
    }
    std::optional<BytesView> take_list16() {
        const auto size = take16();
        return size ? take(*size) : std::nullopt;
    }

  private:
    BytesView left_;
};

} // namespace msb::net
