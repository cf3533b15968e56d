// What both comparisons need.
#pragma once

#include "diff/compare.hpp"

#include <sys/stat.h>

namespace msb::diff {

inline char type_of(std::uint32_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG: return 'f';
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    default: return 'o';
    }
}

/// Of a file; other things have none.
template <typename Entry> std::optional<std::uint64_t> size_of(const Entry& entry) {
    return S_ISREG(entry.mode) ? std::optional(entry.size) : std::nullopt;
}

inline Status check_count(const std::vector<Change>& changes) {
    if (changes.size() > max_changes)
        return fail(ErrorKind::limit_exceeded,
                    "more than " + std::to_string(max_changes) + " paths differ");
    return {};
}

/// Whether the first `size` bytes of two files are the same.
Result<bool> same_data(std::uint64_t size, const ReadAt& a, const ReadAt& b);

} // namespace msb::diff
