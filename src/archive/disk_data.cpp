#include "archive/disk_data.hpp"

#include "base/system.hpp"
#include "disk/content_hash.hpp"
#include "disk/sparse_copy.hpp"

#include <algorithm>
#include <cstring>

namespace msb::archive {

namespace {

constexpr std::uint64_t leaf = disk::content_leaf_size;
constexpr std::uint64_t window_size = std::uint64_t{1} << 20;
/// Readers of tar take one more.
constexpr std::size_t max_extents = 65535;

class Side {
  public:
    static Result<Side> of(int fd) {
        if (fd < 0)
            return Side(fd, 0);
        return Side(fd, static_cast<std::uint64_t>(MSB_TRY(sys::fstat(fd)).st_size));
    }

    /// Where the next data at or behind `position` begins; `none` if there is none.
    Result<std::uint64_t> next(std::uint64_t position, std::uint64_t none) const {
        if (fd_ < 0)
            return none;
        const auto extent = MSB_TRY(disk::next_extent(fd_, position, std::min(size_, none)));
        return extent ? std::max(extent->begin, position) : none;
    }

    /// Zeros behind the end.
    Status read(std::uint64_t position, MutableBytesView buffer) const {
        const std::uint64_t there = size_ > position ? size_ - position : 0;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(there, buffer.size()));
        if (count > 0)
            MSB_TRY(sys::pread_all(fd_, buffer.first(count), position));
        std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(count), buffer.end(), 0);
        return {};
    }

  private:
    Side(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
    int fd_;
    std::uint64_t size_;
};

void add(std::vector<TarExtent>& extents, std::uint64_t offset, std::uint64_t length) {
    if (!extents.empty() && extents.back().offset + extents.back().length == offset)
        extents.back().length += length;
    else
        extents.push_back({offset, length});
}

/// Joins what lies close together, until there are few enough.
void coarsen(std::vector<TarExtent>& extents) {
    for (std::uint64_t gap = leaf; extents.size() > max_extents; gap *= 2) {
        std::size_t last = 0;
        for (std::size_t i = 1; i < extents.size(); ++i) {
            TarExtent& before = extents[last];
            if (extents[i].offset - (before.offset + before.length) <= gap)
                before.length = extents[i].offset + extents[i].length - before.offset;
            else
                extents[++last] = extents[i];
        }
        extents.resize(last + 1);
    }
}

} // namespace

Result<std::vector<TarExtent>> differences(int disk, int base, std::uint64_t size) {
    const Side ours = MSB_TRY(Side::of(disk));
    const Side theirs = MSB_TRY(Side::of(base));
    Bytes one(window_size);
    Bytes other(window_size);
    std::vector<TarExtent> extents;
    for (std::uint64_t position = 0; position < size;) {
        const std::uint64_t begin =
            std::min(MSB_TRY(ours.next(position, size)), MSB_TRY(theirs.next(position, size)));
        position = std::max(position, begin / leaf * leaf);
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(window_size, size - position));
        MSB_TRY(ours.read(position, MutableBytesView(one).first(count)));
        if (base >= 0)
            MSB_TRY(theirs.read(position, MutableBytesView(other).first(count)));
        for (std::size_t at = 0; at < count; at += leaf) {
            const std::size_t length = std::min<std::size_t>(leaf, count - at);
            if (std::memcmp(one.data() + at, other.data() + at, length) != 0)
                add(extents, position + at, length);
        }
        position += count;
    }
    coarsen(extents);
    return extents;
}

std::uint64_t sum_of(const std::vector<TarExtent>& extents) {
    std::uint64_t sum = 0;
    for (const TarExtent& extent : extents)
        sum += extent.length;
    return sum;
}

} // namespace msb::archive
