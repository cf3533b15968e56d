// How much a guest may add to what it shares with the host.
//
// Counted is what the guest itself does: by how much it makes files grow, less by how much it makes
// them shrink or removes, in bytes of their sizes, and names that it makes, less those that it
// removes. So what was there before never counts, what the host does meanwhile neither, and no tree
// has to be walked. A file without a name is still there as long as somebody has it open; it is
// given back when the guest has let go of it. Space that a file has beyond its size is refused
// (fallocate), because nothing would show it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace msb::device {

class Quota {
  public:
    static constexpr std::uint64_t unlimited = 0;

    struct Limits {
        std::uint64_t bytes = unlimited;
        std::uint64_t names = unlimited;
    };

    explicit Quota(Limits limits) : limits_(limits) {}

    bool limits_bytes() const { return limits_.bytes != unlimited; }
    bool limits_names() const { return limits_.names != unlimited; }
    const Limits& limits() const { return limits_; }

    std::uint64_t free_bytes() const { return room(limits_.bytes, bytes_); }
    std::uint64_t free_names() const { return room(limits_.names, names_); }

    /// May a file grow from one size to another? 0 or ENOSPC.
    int may_grow(std::uint64_t from, std::uint64_t to) const {
        return to > from && to - from > free_bytes() ? ENOSPC : 0;
    }
    int may_name() const { return free_names() == 0 ? ENOSPC : 0; }

    void resized(std::uint64_t from, std::uint64_t to) {
        const auto change = static_cast<std::int64_t>(to) - static_cast<std::int64_t>(from);
        // Files of the host may have any size, and a guest can cut many of them.
        bytes_ = std::clamp(bytes_ + std::clamp(change, -most, most), -most, most);
    }
    void named() { ++names_; }
    void unnamed() { --names_; }

  private:
    static constexpr std::int64_t most = std::int64_t{1} << 61;

    static std::uint64_t room(std::uint64_t limit, std::int64_t used) {
        if (limit == unlimited)
            return most;
        // Having removed more than it added, a guest has that much more room.
        const auto left = static_cast<std::int64_t>(std::min<std::uint64_t>(limit, most)) - used;
        return static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0));
    }

    Limits limits_;
    std::int64_t bytes_ = 0;
    std::int64_t names_ = 0;
};

} // namespace msb::device
