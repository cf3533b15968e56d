// Field decoding of tar headers; used by tar.cpp only.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msb::tar {

constexpr std::size_t block_size = 512;

struct Field {
    std::size_t offset;
    std::size_t size;
};
// POSIX.1-1988 ustar header.
constexpr Field name{0, 100}, mode{100, 8}, uid{108, 8}, gid{116, 8}, size{124, 12}, mtime{136, 12},
    checksum{148, 8}, link_name{157, 100}, device_major{329, 8}, device_minor{337, 8},
    prefix{345, 155}, star_prefix{345, 131};
constexpr std::size_t type_offset = 156;
constexpr Field magic{257, 8}, star_trailer{508, 4};
// GNU's old sparse format: four (offset, size) pairs, a flag, the real size; continuation blocks
// hold 21 pairs and a flag.
constexpr Field gnu_sparse{386, 96}, gnu_real_size{483, 12};
constexpr std::size_t gnu_extended_flag = 482, gnu_continuation_flag = 504;

inline BytesView field(BytesView header, Field where) {
    return header.subspan(where.offset, where.size);
}

/// Up to the first NUL.
std::string text_field(BytesView header, Field where);
/// Octal, or GNU's base-256 if the first bit is set. Nothing if malformed.
std::optional<std::int64_t> number(BytesView bytes);
bool checksum_matches(BytesView header);
bool all_zero(BytesView block);

std::optional<std::uint64_t> parse_decimal(std::string_view text);

/// The "LENGTH KEY=VALUE\n" records of a pax header (POSIX.1-2001, pax, "Extended Header").
Result<std::vector<std::pair<std::string, std::string>>> parse_records(std::string_view text);

} // namespace msb::tar
