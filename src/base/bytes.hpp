// Byte spans, endian loads and stores, checked arithmetic for numbers that a hostile peer chose.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;
using MutableBytesView = std::span<std::uint8_t>;

inline BytesView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(BytesView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
/// The object representation of a trivially copyable value.
template <typename T>
    requires std::is_trivially_copyable_v<T>
BytesView object_bytes(const T& value) {
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof(T)};
}

/// Little-endian / big-endian load. The span must hold at least sizeof(T) bytes.
template <std::unsigned_integral T> T load_le(BytesView bytes) {
    T value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;)
        value = static_cast<T>((value << (sizeof(T) > 1 ? 8 : 0)) | bytes[i]);
    return value;
}
template <std::unsigned_integral T> T load_be(BytesView bytes) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = static_cast<T>((value << (sizeof(T) > 1 ? 8 : 0)) | bytes[i]);
    return value;
}
template <std::unsigned_integral T> void store_le(MutableBytesView bytes, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
template <std::unsigned_integral T> void store_be(MutableBytesView bytes, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        bytes[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
}

/// a + b / a * b, or nothing if the result does not fit.
template <std::integral T> std::optional<T> checked_add(T a, T b) {
    T result;
    if (__builtin_add_overflow(a, b, &result))
        return std::nullopt;
    return result;
}
template <std::integral T> std::optional<T> checked_mul(T a, T b) {
    T result;
    if (__builtin_mul_overflow(a, b, &result))
        return std::nullopt;
    return result;
}

/// Rounds up to a power-of-two alignment. The caller knows that it cannot overflow.
template <std::unsigned_integral T> constexpr T align_up(T value, T alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}

/// Lower-case hex, two digits a byte.
std::string to_hex(BytesView bytes);

/// Standard base64 with padding (RFC 4648 §4).
std::string to_base64(BytesView bytes);
void append_base64(std::string& text, BytesView bytes);
std::optional<Bytes> from_base64(std::string_view text);

/// Length of the longest prefix that is well-formed UTF-8 (RFC 3629: no surrogates, no overlongs).
std::size_t valid_utf8_prefix(std::string_view text);

} // namespace msb
