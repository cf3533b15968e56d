#include "base/bytes.hpp"

#include <array>
#include <cstring>

namespace msb {

std::string to_hex(BytesView bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (std::uint8_t byte : bytes) {
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 15]);
    }
    return text;
}

namespace {
constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_base64_values() {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < base64_alphabet.size(); ++i)
        values[static_cast<std::uint8_t>(base64_alphabet[i])] = static_cast<std::int8_t>(i);
    return values;
}
/// The two digits of twelve bits.
constexpr auto make_base64_pairs() {
    std::array<std::array<char, 2>, 4096> pairs{};
    for (std::size_t i = 0; i < pairs.size(); ++i)
        pairs[i] = {base64_alphabet[i >> 6], base64_alphabet[i & 63]};
    return pairs;
}
constexpr auto base64_pairs = make_base64_pairs();
constexpr auto base64_values = make_base64_values();
} // namespace

void append_base64(std::string& text, BytesView bytes) {
    const std::size_t begin = text.size();
    const std::size_t size = begin + (bytes.size() + 2) / 3 * 4;
    // What libstdc++ 12 passes as the size can be more than was asked for.
    text.resize_and_overwrite(size, [&](char* buffer, std::size_t) {
        char* out = buffer + begin;
        const std::uint8_t* in = bytes.data();
        // Three bytes are two pairs of digits.
        for (std::size_t i = bytes.size() / 3; i > 0; --i, in += 3, out += 4) {
            const std::uint32_t group =
                std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8 | in[2];
            std::memcpy(out, base64_pairs[group >> 12].data(), 2);
            std::memcpy(out + 2, base64_pairs[group & 0xfff].data(), 2);
        }
        const std::size_t left = bytes.size() % 3;
        if (left == 0)
            return size;
        const std::uint32_t group =
            std::uint32_t{in[0]} << 16 | (left > 1 ? std::uint32_t{in[1]} << 8 : 0);
        std::memcpy(out, base64_pairs[group >> 12].data(), 2);
        out[2] = left > 1 ? base64_alphabet[group >> 6 & 63] : '=';
        out[3] = '=';
        return size;
    });
}

std::string to_base64(BytesView bytes) {
    std::string text;
    append_base64(text, bytes);
    return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0)
        return std::nullopt;
    Bytes bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        std::size_t padding = 0;
        if (i + 4 == text.size())
            padding = text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            std::int8_t value = 0;
            if (k < 4 - padding)
                value = base64_values[static_cast<std::uint8_t>(text[i + k])];
            if (value < 0)
                return std::nullopt;
            group = group << 6 | static_cast<std::uint32_t>(value);
        }
        for (std::size_t k = 0; k < 3 - padding; ++k)
            bytes.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * k)));
    }
    return bytes;
}

std::size_t valid_utf8_prefix(std::string_view text) {
    const BytesView bytes = as_bytes(text);
    std::size_t i = 0;
    while (i < bytes.size()) {
        const std::uint8_t lead = bytes[i];
        std::size_t extra = 0;
        std::uint8_t low = 0x80;
        std::uint8_t high = 0xbf;
        if (lead < 0x80) {
            // Logs are mostly ASCII: eight bytes at a time while none has its high bit set.
            std::uint64_t word = 0;
            while (bytes.size() - i >= sizeof(word)) {
                std::memcpy(&word, bytes.data() + i, sizeof(word));
                if ((word & 0x8080'8080'8080'8080) != 0)
                    break;
                i += sizeof(word);
            }
            if (i < bytes.size() && bytes[i] < 0x80)
                ++i;
            continue;
        }
        if (lead >= 0xc2 && lead <= 0xdf) {
            extra = 1;
        } else if (lead >= 0xe0 && lead <= 0xef) {
            extra = 2;
            low = lead == 0xe0 ? 0xa0 : low;
            high = lead == 0xed ? 0x9f : high;
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            extra = 3;
            low = lead == 0xf0 ? 0x90 : low;
            high = lead == 0xf4 ? 0x8f : high;
        } else {
            return i;
        }
        if (bytes.size() - i <= extra)
            return i;
        for (std::size_t k = 1; k <= extra; ++k) {
            if (bytes[i + k] < low || bytes[i + k] > high)
                return i;
            low = 0x80;
            high = 0xbf;
        }
        i += extra + 1;
    }
    return i;
}

} // namespace msb
