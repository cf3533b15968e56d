#include "metrics/owner_table.hpp"

#include "base/lock_holder.hpp"
#include "metrics/object_io.hpp"

#include <chrono>
#include <fcntl.h>

namespace msb::metrics {

namespace {

/// Holders of the lock read or write the table, which takes less than a millisecond.
constexpr std::chrono::seconds lock_wait{2};

} // namespace

Result<OwnerTable> OwnerTable::open(const std::string& directory, int flags) {
    const std::string path = directory + "/owners";
    OwnerTable table;
    table.fd_ = MSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW | flags, 0600));
    const Status locked = sys::lock_exclusive(table.fd_.get(), lock_wait, path);
    if (!locked && locked.error().kind() == ErrorKind::busy)
        return fail(ErrorKind::busy,
                    "the metrics registry is held by " + lock_holder(table.fd_.get()));
    MSB_TRY(Status(locked));
    table.load();
    return table;
}

void OwnerTable::load() {
    const auto info = sys::fstat(fd_.get());
    TableHeader header;
    if (!info || !read_object(fd_.get(), header, 0) || header.magic != table_magic ||
        header.pages < 2 || header.pages > most_pages ||
        static_cast<std::uint64_t>(info->st_size) != sizeof(header) + header.pages * sizeof(Owner))
        return;
    std::vector<Owner> owners(header.pages);
    const MutableBytesView bytes{reinterpret_cast<std::uint8_t*>(owners.data()),
                                 owners.size() * sizeof(Owner)};
    if (!sys::pread_all(fd_.get(), bytes, sizeof(header)))
        return;
    header_ = header;
    owners_ = std::move(owners);
}

bool OwnerTable::is_about(const Header& segment) const {
    return segment.created_at_ms == header_.segment_created_at_ms &&
           owners_.size() * slots_per_page == segment.capacity;
}

std::uint32_t OwnerTable::find(std::string_view name) const {
    for (std::uint32_t page = 1; page < owners_.size(); ++page)
        if (owners_[page].generation != 0 && owners_[page].name() == name)
            return page;
    return 0;
}

Status OwnerTable::begin(std::int64_t segment_created_at_ms, std::uint64_t pages) {
    header_ = {.segment_created_at_ms = segment_created_at_ms,
               .generation = header_.generation,
               .pages = pages};
    owners_.assign(pages, {});
    MSB_TRY(sys::truncate(fd_.get(), 0));
    MSB_TRY(sys::truncate(fd_.get(), sizeof(header_) + pages * sizeof(Owner)));
    return write_object(fd_.get(), header_, 0);
}

Result<std::uint64_t> OwnerTable::next_generation() {
    ++header_.generation;
    MSB_TRY(write_object(fd_.get(), header_, 0));
    return header_.generation;
}

Status OwnerTable::set(std::uint32_t page, const Owner& owner) {
    owners_[page] = owner;
    return write_object(fd_.get(), owner, sizeof(header_) + page * sizeof(Owner));
}

} // namespace msb::metrics
