#include "metrics/registry.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "metrics/object_io.hpp"
#include "metrics/owner_table.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace msb::metrics {

namespace {

/// A runtime writes its slot in well under a microsecond; one that never leaves it alone has no sample.
constexpr int most_tries = 16;

std::string canonical(const std::string& path) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
    return real ? real.get() : path;
}

/// Readers of the same home have to come to the same name by whatever path.
std::string name_for(const std::string& text) {
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325; // FNV-1a
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
    return fmt::format("/msb-met-{:016x}-v3", hash);
}

/// /dev/shm is everybody's: where another user has made the segment (root, of a home that was given away since; or
/// somebody who wants us to have none), ours has another name.
std::string name_of_segment(const std::string& home) {
    const std::string path = canonical(home);
    const std::string name = name_for(path);
    struct stat info{};
    const bool taken =
        ::lstat(("/dev/shm" + name).c_str(), &info) == 0 && info.st_uid != ::geteuid();
    return taken ? name_for(fmt::format("{}\n{}", path, ::geteuid())) : name;
}

std::int64_t now_ms() {
    return unix_time_ns() / 1'000'000;
}

Result<OwnedFd> open_shared(const std::string& name, int flags) {
    OwnedFd fd(::shm_open(name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd)
        return fail_errno("shm_open", name);
    const struct stat info = MSB_TRY(sys::fstat(fd.get()));
    if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
        return fail(ErrorKind::permission_denied,
                    "/dev/shm" + name + " is somebody else's, or open to others");
    return fd;
}

struct OpenSegment {
    OwnedFd fd;
    Header header;
};

Result<OpenSegment> open_checked(const std::string& name, int flags) {
    OpenSegment segment{MSB_TRY(open_shared(name, flags)), {}};
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(segment.fd.get())).st_size);
    const char* const fault = read_object(segment.fd.get(), segment.header, 0)
                                  ? find_fault(object_bytes(segment.header), size)
                                  : "is too short";
    if (fault != nullptr)
        return fail(ErrorKind::corrupt, "/dev/shm" + name + " " + fault);
    return segment;
}

std::optional<Sample> read_sample(int segment, std::uint32_t page, std::uint64_t generation) {
    const std::uint64_t offset = slot_offset(page);
    Slot slot;
    for (int i = 0; i < most_tries; ++i) {
        std::uint64_t before = 0;
        std::uint64_t after = 0;
        const std::uint64_t sequence = offset + offsetof(Slot, sequence);
        if (!read_object(segment, before, sequence) || !read_object(segment, slot, offset) ||
            !read_object(segment, after, sequence))
            return std::nullopt;
        if (before == after && before % 2 == 0)
            return read_slot(object_bytes(slot), generation);
    }
    return std::nullopt;
}

} // namespace

Registry::Registry(const std::string& home, Alive alive)
    : directory_(home + "/run/metrics"), segment_name_(name_of_segment(home)),
      alive_(std::move(alive)) {}

bool Registry::any_alive(const OwnerTable& table) const {
    return std::ranges::any_of(table.owners(), [this](const Owner& owner) {
        return owner.generation != 0 && alive_(std::string(owner.name()));
    });
}

/// Nobody maps the new one, so whatever the old one's runtimes do is without effect on it.
Result<OwnedFd> Registry::make_segment(OwnerTable& table, std::uint32_t sandboxes) const {
    if (::shm_unlink(segment_name_.c_str()) == -1 && errno != ENOENT)
        return fail_errno("shm_unlink", segment_name_);
    OwnedFd fd = MSB_TRY(open_shared(segment_name_, O_RDWR | O_CREAT | O_EXCL));
    Header header{.capacity = capacity_for(sandboxes),
                  .state = SegmentState::initialising,
                  .created_at_ms = std::max(now_ms(), table.segment_created_at_ms() + 1),
                  .generation = table.generation()};
    MSB_TRY(sys::truncate(fd.get(), segment_bytes(header.capacity)));
    MSB_TRY(write_object(fd.get(), header, 0));
    MSB_TRY(table.begin(header.created_at_ms, std::uint64_t{sandboxes} + 1));
    header.state = SegmentState::ready;
    MSB_TRY(write_object(fd.get(), header, 0));
    // For who would rather not compute it.
    MSB_TRY(write_file_atomic(directory_ + "/registry-v3.name", segment_name_ + "\n", 0600, false));
    return fd;
}

Result<OwnedFd> Registry::open_segment(OwnerTable& table, std::uint32_t sandboxes) const {
    auto segment = open_checked(segment_name_, O_RDWR);
    if (!segment) {
        const ErrorKind kind = segment.error().kind();
        if (kind != ErrorKind::not_found && kind != ErrorKind::corrupt)
            return fail(segment.error());
        if (kind == ErrorKind::corrupt && any_alive(table))
            return fail(std::move(segment)
                            .error()
                            .wrap("no metrics until all sandboxes have stopped")
                            .with_hint("it is made anew then"));
        return make_segment(table, sandboxes);
    }
    if (!table.is_about(segment->header))
        return make_segment(table, sandboxes);
    // Living ones keep the size that there is.
    if (segment->header.capacity != capacity_for(sandboxes) && !any_alive(table))
        return make_segment(table, sandboxes);
    return std::move(segment->fd);
}

Result<Registry::Reserved> Registry::reserve(const Wanted& wanted) {
    if (wanted.name.empty() || wanted.name.size() > max_name)
        return invalid("a name of 1 to 128 bytes has a slot for metrics");
    MSB_TRY(make_directories(directory_, 0700));
    OwnerTable table = MSB_TRY(OwnerTable::open(directory_, O_CREAT));
    OwnedFd segment =
        MSB_TRY(open_segment(table, std::clamp(wanted.sandboxes, 1U, most_sandboxes)));

    const auto& owners = table.owners();
    std::uint32_t page = table.find(wanted.name);
    const std::uint64_t starts = page != 0 ? owners[page].starts + 1 : 1;
    for (std::uint32_t i = 1; page == 0 && i < owners.size(); ++i)
        page = owners[i].generation == 0 ? i : 0;
    for (std::uint32_t i = 1; page == 0 && i < owners.size(); ++i)
        page = alive_(std::string(owners[i].name())) ? 0 : i;
    if (page == 0)
        return fail(
            Error(ErrorKind::limit_exceeded,
                  fmt::format("all {} slots of the metrics registry are taken", owners.size() - 1))
                .with_hint("\"metrics\": {\"capacity\": N} in config.json makes more, once "
                           "all sandboxes have stopped"));

    Owner owner{.generation = MSB_TRY(table.next_generation()),
                .starts = starts,
                .name_bytes = static_cast<std::uint16_t>(wanted.name.size())};
    wanted.name.copy(owner.text, max_name);
    MSB_TRY(table.set(page, owner));
    Slot slot{.state = SlotState::reserved,
              .generation = owner.generation,
              .sandbox_id = static_cast<std::int32_t>(page),
              .run_id = static_cast<std::int32_t>(owner.generation & INT_MAX),
              .pid = ::getpid(),
              .name_bytes = owner.name_bytes};
    wanted.name.copy(slot.name, max_name);
    slot.numbers.memory_limit = wanted.memory_limit;
    slot.more.interval_ms = wanted.interval_ms;
    slot.more.cpus = wanted.cpus;
    slot.more.restarts = starts - 1;
    // The whole page, of which whoever had it before may have written anything.
    Bytes page_content(page_bytes);
    const BytesView bytes = object_bytes(slot);
    std::ranges::copy(bytes, page_content.begin() + slot_in_page);
    const Place place{page, owner.generation};
    MSB_TRY(sys::pwrite_all(segment.get(), page_content, place.offset()));
    MSB_TRY(write_object(segment.get(), owner.generation, offsetof(Header, generation)));
    return Reserved{place, std::move(segment)};
}

void Registry::set_runtime(const Reserved& reserved, pid_t pid) {
    (void)write_object(reserved.segment.get(), static_cast<std::int32_t>(pid),
                       slot_offset(reserved.place.page) + offsetof(Slot, pid));
}

Status Registry::release(const std::string& name) {
    return give_up_slot(name, true);
}

Status Registry::forget(const std::string& name) {
    return give_up_slot(name, false);
}

Status Registry::give_up_slot(const std::string& name, bool keep_sample) const {
    auto opened = OwnerTable::open(directory_, 0);
    if (!opened)
        return opened.error().kind() == ErrorKind::not_found ? Status() : fail(opened.error());
    OwnerTable& table = *opened;
    const std::uint32_t page = table.find(name);
    if (page == 0)
        return {};
    const auto segment = open_checked(segment_name_, O_RDWR);
    const bool there = segment && table.is_about(segment->header);
    keep_sample = keep_sample && there &&
                  read_sample(segment->fd.get(), page, table.owners()[page].generation);
    if (there)
        MSB_TRY(write_object(segment->fd.get(), keep_sample ? SlotState::stale : SlotState::free,
                             slot_offset(page) + offsetof(Slot, state)));
    return keep_sample ? Status() : table.set(page, {});
}

Result<std::vector<Registry::Entry>> Registry::read_those(const std::string* name) const {
    std::vector<Owner> owners;
    std::optional<OpenSegment> segment;
    {
        auto table = OwnerTable::open(directory_, 0);
        if (!table && table.error().kind() == ErrorKind::not_found)
            return std::vector<Entry>();
        if (!table)
            return fail(table.error());
        auto opened = open_checked(segment_name_, O_RDONLY);
        if (!opened && opened.error().kind() == ErrorKind::not_found)
            return std::vector<Entry>();
        segment = MSB_TRY(std::move(opened));
        if (table->is_about(segment->header))
            owners = table->owners();
    }
    std::vector<Entry> entries;
    for (std::uint32_t page = 1; page < owners.size(); ++page) {
        const Owner& owner = owners[page];
        if (owner.generation == 0 || (name != nullptr && owner.name() != *name))
            continue;
        entries.push_back({std::string(owner.name()), owner.generation,
                           read_sample(segment->fd.get(), page, owner.generation)});
    }
    return entries;
}

Result<std::vector<Registry::Entry>> Registry::read() const {
    return read_those(nullptr);
}

Result<std::optional<Registry::Entry>> Registry::read(const std::string& name) const {
    std::vector<Entry> entries = MSB_TRY(read_those(&name));
    return entries.empty() ? std::nullopt : std::optional(std::move(entries.front()));
}

} // namespace msb::metrics
