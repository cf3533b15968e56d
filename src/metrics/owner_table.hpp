// run/metrics/owners: which sandbox has which page of the segment.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "metrics/layout.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msb::metrics {

struct Owner {
    std::uint64_t generation = 0; ///< 0: nobody's
    std::uint64_t starts = 0;     ///< of this sandbox, one after the other
    std::uint16_t name_bytes = 0;
    std::uint8_t padding[6] = {};
    char text[max_name] = {};

    std::string_view name() const { return {text, std::min<std::size_t>(name_bytes, max_name)}; }
};

/// Locked for as long as it is open.
class OwnerTable {
  public:
    static constexpr std::size_t most_pages = 65537;

    /// `flags`: O_CREAT or none; then it is not_found where there is none. What is not a whole table is an
    /// empty one.
    static Result<OwnerTable> open(const std::string& directory, int flags);

    /// By page; nobody has page 0.
    const std::vector<Owner>& owners() const { return owners_; }
    std::int64_t segment_created_at_ms() const { return header_.segment_created_at_ms; }
    std::uint64_t generation() const { return header_.generation; }
    bool is_about(const Header& segment) const;
    /// The page of this sandbox; 0 if it has none.
    std::uint32_t find(std::string_view name) const;

    /// Forgets all owners, for a new segment.
    Status begin(std::int64_t segment_created_at_ms, std::uint64_t pages);
    Result<std::uint64_t> next_generation();
    Status set(std::uint32_t page, const Owner& owner);

  private:
    static constexpr std::uint64_t table_magic = 0x3130'4E57'4F42'534D; // "MSBOWN01"

    struct TableHeader {
        std::uint64_t magic = table_magic;
        std::int64_t segment_created_at_ms = 0; ///< which segment it is about
        std::uint64_t generation = 0;           ///< that was given out last
        std::uint64_t pages = 0;
    };

    void load();

    OwnedFd fd_;
    TableHeader header_;
    std::vector<Owner> owners_ = std::vector<Owner>(1);
};

} // namespace msb::metrics
