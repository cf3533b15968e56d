#include "virtio/guest_memory.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace msb::virtio {

namespace {

/// True if [address, address + length) lies in [begin, begin + size); nothing here can overflow.
bool contains(std::uint64_t begin, std::uint64_t size, std::uint64_t address,
              std::uint64_t length) {
    return address >= begin && address - begin <= size && length <= size - (address - begin);
}

bool overlaps(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) {
    return a < b + b_size && b < a + a_size;
}

} // namespace

Result<GuestMemory::Mapped> GuestMemory::map_one(MemoryRegion region) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const auto file_end = checked_add(region.file_offset, region.size);
    // The last byte of the address space stays unused, so that "end" always fits.
    if (region.size == 0 || !checked_add(region.guest_address, region.size) ||
        !checked_add(region.user_address, region.size) || !file_end ||
        *file_end > static_cast<std::uint64_t>(INT64_MAX))
        return fail(ErrorKind::protocol, "guest memory region with impossible bounds");
    const struct stat info = MSB_TRY(sys::fstat(region.fd.get()));
    if (!S_ISREG(info.st_mode))
        return fail(ErrorKind::protocol, "guest memory is not backed by a file");
    if (static_cast<std::uint64_t>(info.st_size) < *file_end)
        return fail(ErrorKind::protocol, "guest memory region is larger than its file");
    const std::uint64_t slack = region.file_offset % page;
    Mapped mapped{};
    mapped.mapping = MSB_TRY(GuardedMapping::map(region.fd.get(), region.file_offset - slack,
                                                 static_cast<std::size_t>(region.size + slack)));
    mapped.guest_address = region.guest_address;
    mapped.user_address = region.user_address;
    mapped.size = region.size;
    mapped.host = mapped.mapping.data() + slack;
    mapped.file = std::move(region.fd);
    return mapped;
}

Result<GuestMemory> GuestMemory::map(std::vector<MemoryRegion> regions) {
    if (regions.size() > max_regions)
        return fail(ErrorKind::protocol, "too many guest memory regions");
    GuestMemory memory;
    for (MemoryRegion& region : regions) {
        Mapped mapped = MSB_TRY(map_one(std::move(region)));
        for (const Mapped& other : memory.regions_)
            if (overlaps(mapped.guest_address, mapped.size, other.guest_address, other.size) ||
                overlaps(mapped.user_address, mapped.size, other.user_address, other.size))
                return fail(ErrorKind::protocol, "guest memory regions overlap");
        memory.regions_.push_back(std::move(mapped));
    }
    return memory;
}

const GuestMemory::Mapped* GuestMemory::find(std::uint64_t guest_address) const {
    for (const Mapped& region : regions_)
        if (contains(region.guest_address, region.size, guest_address, 1))
            return &region;
    return nullptr;
}

std::uint8_t* GuestMemory::translate(std::uint64_t guest_address, std::uint64_t length) const {
    for (const Mapped& region : regions_)
        if (contains(region.guest_address, region.size, guest_address, length))
            return region.host + (guest_address - region.guest_address);
    return nullptr;
}

std::uint8_t* GuestMemory::translate_user(std::uint64_t user_address, std::uint64_t length) const {
    for (const Mapped& region : regions_)
        if (contains(region.user_address, region.size, user_address, length))
            return region.host + (user_address - region.user_address);
    return nullptr;
}

bool GuestMemory::append(std::uint64_t guest_address, std::uint64_t length, std::vector<iovec>& out,
                         std::size_t max_pieces) const {
    while (length > 0) {
        const Mapped* const region = find(guest_address);
        if (region == nullptr || out.size() >= max_pieces)
            return false;
        const std::uint64_t offset = guest_address - region->guest_address;
        const std::uint64_t piece = std::min(length, region->size - offset);
        out.push_back({region->host + offset, static_cast<std::size_t>(piece)});
        guest_address += piece; // cannot wrap: map_one() saw that the region's end fits
        length -= piece;
    }
    return true;
}

/// Regions may be parts of one file.
std::uint64_t GuestMemory::allocated() const {
    constexpr std::uint64_t unit = 512; // stat(2)
    std::vector<std::pair<dev_t, ino_t>> seen;
    std::uint64_t bytes = 0;
    for (const Mapped& region : regions_) {
        const auto info = sys::fstat(region.file.get());
        if (!info || std::ranges::count(seen, std::pair(info->st_dev, info->st_ino)) != 0)
            continue;
        seen.emplace_back(info->st_dev, info->st_ino);
        bytes += static_cast<std::uint64_t>(info->st_blocks) * unit;
    }
    return bytes;
}

bool GuestMemory::faulted() const {
    return std::ranges::any_of(regions_, [](const Mapped& r) { return r.mapping.faulted(); });
}

} // namespace msb::virtio
