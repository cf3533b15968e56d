#include "tar/tar_format.hpp"

#include "tar/tar.hpp"

#include <algorithm>

namespace msb::tar {

std::string text_field(BytesView header, Field where) {
    const std::string_view text = as_text(field(header, where));
    return std::string(text.substr(0, text.find('\0')));
}

std::optional<std::int64_t> number(BytesView bytes) {
    if (bytes[0] & 0x80) {
        // Two's complement, big-endian; the first bit only marks the form.
        const bool negative = (bytes[0] & 0x40) != 0;
        std::int64_t value = negative ? -1 : 0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const std::uint8_t byte =
                i == 0 ? static_cast<std::uint8_t>(negative ? bytes[0] | 0x80 : bytes[0] & 0x7f)
                       : bytes[i];
            if (value > (INT64_MAX >> 8) || value < (INT64_MIN >> 8))
                return std::nullopt;
            value = static_cast<std::int64_t>((static_cast<std::uint64_t>(value) << 8) | byte);
        }
        return value;
    }
    std::string_view text = as_text(bytes);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\0'))
        text.remove_prefix(1);
    text = text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
    std::int64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '7' || value > (INT64_MAX >> 3))
            return std::nullopt;
        value = value * 8 + (c - '0');
    }
    return value;
}

// Old writers summed signed bytes; both are accepted everywhere.
bool checksum_matches(BytesView header) {
    const auto stored = number(field(header, checksum));
    std::int64_t plain = 0;
    std::int64_t with_sign = 0;
    for (std::size_t i = 0; i < block_size; ++i) {
        const bool inside = i >= checksum.offset && i < checksum.offset + checksum.size;
        const std::uint8_t byte = inside ? std::uint8_t{' '} : header[i];
        plain += byte;
        with_sign += static_cast<std::int8_t>(byte);
    }
    return stored && (*stored == plain || *stored == with_sign);
}

bool all_zero(BytesView block) {
    return std::ranges::all_of(block, [](std::uint8_t byte) { return byte == 0; });
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
    if (text.empty() || text.size() > 19)
        return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_records(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> records;
    while (!text.empty()) {
        const auto space = text.find(' ');
        const auto length = parse_decimal(text.substr(0, std::min<std::size_t>(space, 20)));
        if (space == std::string_view::npos || !length || *length <= space + 1 ||
            *length > text.size() || text[*length - 1] != '\n')
            return fail(ErrorKind::corrupt, "malformed pax header");
        const std::string_view record = text.substr(space + 1, *length - space - 2);
        const auto equals = record.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return fail(ErrorKind::corrupt, "malformed pax header");
        records.emplace_back(record.substr(0, equals), record.substr(equals + 1));
        text.remove_prefix(*length);
    }
    return records;
}

} // namespace msb::tar

namespace msb {

std::optional<std::pair<std::int64_t, std::uint32_t>> parse_pax_time(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative)
        text.remove_prefix(1);
    const auto dot = text.find('.');
    const auto seconds = tar::parse_decimal(text.substr(0, dot));
    if (!seconds || *seconds > static_cast<std::uint64_t>(INT64_MAX) - 1)
        return std::nullopt;
    std::uint32_t nanoseconds = 0;
    if (dot != std::string_view::npos) {
        std::uint32_t unit = 100'000'000;
        for (const char c : text.substr(dot + 1)) {
            if (c < '0' || c > '9')
                return std::nullopt;
            nanoseconds += static_cast<std::uint32_t>(c - '0') * unit;
            unit /= 10;
        }
    }
    auto whole = static_cast<std::int64_t>(*seconds);
    if (negative) {
        whole = -whole;
        if (nanoseconds > 0) {
            whole -= 1;
            nanoseconds = 1'000'000'000 - nanoseconds;
        }
    }
    return std::pair{whole, nanoseconds};
}

} // namespace msb
