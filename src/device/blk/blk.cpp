#include "device/blk/blk.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace msb::device {

namespace {

// §5.2.3
constexpr std::uint64_t feature_seg_max = 1 << 2;
constexpr std::uint64_t feature_ro = 1 << 5;
constexpr std::uint64_t feature_blk_size = 1 << 6;
constexpr std::uint64_t feature_flush = 1 << 9;
constexpr std::uint64_t feature_topology = 1 << 10;
constexpr std::uint64_t feature_config_wce = 1 << 11;
constexpr std::uint64_t feature_mq = 1 << 12;
constexpr std::uint64_t feature_discard = 1 << 13;
constexpr std::uint64_t feature_write_zeroes = 1 << 14;

// §5.2.6
constexpr std::uint32_t type_in = 0;
constexpr std::uint32_t type_out = 1;
constexpr std::uint32_t type_flush = 4;
constexpr std::uint32_t type_get_id = 8;
constexpr std::uint32_t type_discard = 11;
constexpr std::uint32_t type_write_zeroes = 13;
constexpr std::uint8_t status_ok = 0;
constexpr std::uint8_t status_ioerr = 1;
constexpr std::uint8_t status_unsupp = 2;
constexpr std::uint32_t flag_unmap = 1;

constexpr std::uint64_t sector_size = 512;
constexpr std::size_t header_size = 16;
constexpr std::size_t id_size = 20;
/// A ring of 256 minus the header's and the status byte's descriptors (§5.2.4: seg_max counts
/// data).
constexpr std::uint32_t max_segments = 254;
constexpr std::uint32_t max_ranges = 16; ///< Of one discard or write-zeroes request.
constexpr std::uint32_t max_discard_sectors = (std::uint32_t{2} << 30) / sector_size;
/// Bounds the time of one request where zeroes must be written.
constexpr std::uint32_t max_zeroes_sectors = (64 << 20) / sector_size;
constexpr std::uint32_t host_page_sectors = 8; ///< Smallest range that can be deallocated.

// §5.2.4, offsets in the configuration space.
constexpr std::size_t config_capacity = 0;
constexpr std::size_t config_seg_max = 12;
constexpr std::size_t config_blk_size = 20;
constexpr std::size_t config_physical_block_exp = 24;
constexpr std::size_t config_min_io_size = 26;
constexpr std::size_t config_writeback = 32;
constexpr std::size_t config_num_queues = 34;
constexpr std::size_t config_discard = 36;      // max sectors, max segments, alignment
constexpr std::size_t config_write_zeroes = 48; // max sectors, max segments, may unmap (one byte)

/// A larger request is refused: it would keep the thread too long. Linux sends at most 1.25 MiB
/// (seg_max), so this is generous.
constexpr std::uint64_t max_request_bytes = 64 << 20;
/// Work done before the loop's other events get a turn: a unit for each request, and each 64 KiB.
constexpr int round_budget = 512;
constexpr std::uint64_t bytes_per_unit = 64 << 10;

/// Not a status of virtio: there is no room for the request on the host. It will be executed again.
constexpr std::uint8_t no_room = 0xff;
/// Beyond this many that wait for room, no queue is served. Each may refer to 32 KiB of pieces.
constexpr std::size_t max_held = 256;

} // namespace

/// One range of a discard or write-zeroes request.
struct Blk::Segment {
    std::uint64_t sector;
    std::uint32_t sectors;
    std::uint32_t flags;
};

Result<std::unique_ptr<Blk>> Blk::create(Config config) {
    if (config.serial.size() > id_size)
        return fail(ErrorKind::invalid_argument, "disk serial is longer than 20 bytes");
    if (config.queues == 0)
        return fail(ErrorKind::invalid_argument, "disk without queues");
    Disk disk = MSB_TRY(Disk::create(config.extents));
    return std::unique_ptr<Blk>(new Blk(std::move(config), std::move(disk)));
}

Blk::Blk(Config config, Disk disk)
    : config_(std::move(config)), disk_(std::move(disk)), queues_(config_.queues) {
    build_config();
}

Blk::~Blk() {
    if (loop_ != nullptr)
        loop_->cancel(retry_timer_);
}

Status Blk::grow(std::uint64_t size) {
    if (size < disk_.size() || size % sector_size != 0)
        return fail(ErrorKind::invalid_argument, "a disk of " + std::to_string(disk_.size()) +
                                                     " bytes cannot get " + std::to_string(size));
    disk_.extend(size - disk_.size());
    store_le(MutableBytesView(config_space_).subspan(config_capacity), size / sector_size);
    return {};
}

void Blk::build_config() {
    const MutableBytesView space = config_space_;
    store_le(space.subspan(config_capacity), disk_.size() / sector_size);
    store_le(space.subspan(config_seg_max), max_segments);
    store_le(space.subspan(config_blk_size), static_cast<std::uint32_t>(sector_size));
    space[config_physical_block_exp] = 3; // 2^3 sectors: the host's page cache works in 4 KiB
    store_le(space.subspan(config_min_io_size), std::uint16_t{8});
    space[config_writeback] = 1;
    store_le(space.subspan(config_num_queues), config_.queues);
    store_le(space.subspan(config_discard), max_discard_sectors);
    store_le(space.subspan(config_discard + 4), max_ranges);
    store_le(space.subspan(config_discard + 8), host_page_sectors);
    store_le(space.subspan(config_write_zeroes), max_zeroes_sectors);
    store_le(space.subspan(config_write_zeroes + 4), max_ranges);
    space[config_write_zeroes + 8] = 1;
}

std::uint64_t Blk::features() const {
    std::uint64_t features = feature_seg_max | feature_blk_size | feature_topology;
    if (config_.queues > 1)
        features |= feature_mq;
    if (config_.read_only)
        return features | feature_ro;
    if (config_.durability == Durability::flush)
        features |= feature_flush | feature_config_wce;
    return features | feature_discard | feature_write_zeroes;
}

void Blk::read_config(std::uint32_t offset, MutableBytesView out) {
    virtio::copy_config(config_space_, offset, out);
}

void Blk::write_config(std::uint32_t offset, BytesView data) {
    // §5.2.5: only `writeback`, and only with CONFIG_WCE.
    if (offset != config_writeback || data.size() != 1 || (features_ & feature_config_wce) == 0)
        return;
    config_space_[config_writeback] = data[0] != 0;
    set_features(features_);
}

void Blk::set_features(std::uint64_t features) {
    features_ = features;
    // §5.2.6.2: a driver that cannot flush, or turned the cache off, gets durable writes.
    write_through_ = config_.durability == Durability::flush &&
                     ((features & feature_flush) == 0 || config_space_[config_writeback] == 0);
}

void Blk::queue_started(std::uint16_t index, virtio::Queue& queue) {
    queues_[index] = &queue;
}

void Blk::queue_stopped(std::uint16_t index) {
    std::erase_if(held_, [&](const Held& held) { return held.queue == queues_[index]; });
    queues_[index] = nullptr;
    if (held_.empty())
        report_full(false);
}

void Blk::reset() {
    config_space_[config_writeback] = 1;
    features_ = 0;
}

// ---- rings ----

bool Blk::queue_kicked(std::uint16_t index) {
    virtio::Queue& queue = *queues_[index];
    int budget = round_budget;
    do
        if (!serve(queue, budget))
            return true;
    while (held_.size() < max_held && queue.arm());
    return false;
}

/// Empties the ring; false if the budget ended first.
bool Blk::serve(virtio::Queue& queue, int& budget) {
    queue.disarm();
    while (budget > 0 && held_.size() < max_held) {
        if (requests_.size() == waiting_)
            requests_.push_back(std::make_unique<Request>());
        Request& request = *requests_[waiting_];
        if (!queue.pop(request.chain))
            break;
        budget -= static_cast<int>(1 + (request.chain.readable_size + request.chain.writable_size) /
                                           bytes_per_unit);
        const auto status = execute(request);
        if (status == no_room) {
            hold(queue);
        } else if (status) {
            complete(queue, request, *status);
            // The guest can use a large piece while the next is being read.
            if (request.written >= bytes_per_unit)
                queue.notify();
        } else
            ++waiting_;
    }
    queue.notify();
    finish_waiting(queue);
    return budget > 0;
}

void Blk::finish_waiting(virtio::Queue& queue) {
    for (std::size_t i = 0; i < waiting_; ++i) {
        Request& request = *requests_[i];
        complete(queue, request, finish_read(request));
        queue.notify();
    }
    waiting_ = 0;
}

// ---- waiting for room ----

/// Keeps the request that was executed last.
void Blk::hold(virtio::Queue& queue) {
    const auto request = requests_.begin() + static_cast<std::ptrdiff_t>(waiting_);
    held_.push_back({&queue, std::move(*request), EventLoop::Clock::now()});
    requests_.erase(request);
    report_full(true);
    retry_later(config_.retry_period);
}

void Blk::retry_later(std::chrono::milliseconds pause) {
    if (retry_timer_ == 0)
        retry_timer_ = loop_->after(pause, [this] { retry(); });
}

void Blk::retry() {
    retry_timer_ = 0;
    const auto now = EventLoop::Clock::now();
    std::erase_if(held_, [&](Held& held) {
        // The guest may have made something else of it meanwhile, even a read.
        const auto executed = execute(*held.request);
        auto status = executed ? *executed : finish_read(*held.request);
        if (status == no_room && now - held.since < config_.patience)
            return false;
        if (status == no_room)
            status = io_status(ENOSPC, "write");
        complete(*held.queue, *held.request, status);
        held.queue->notify();
        return true;
    });
    if (!held_.empty())
        retry_later(config_.retry_period);
    else
        report_full(false);
    for (std::size_t i = 0; i < queues_.size(); ++i) // what was not popped because of them
        if (queues_[i] != nullptr && queue_kicked(static_cast<std::uint16_t>(i)))
            retry_later(std::chrono::milliseconds(0));
}

void Blk::report_full(bool waiting) {
    if (std::exchange(waits_for_room_, waiting) == waiting)
        return;
    log::warn("disk {}: {}", config_.serial,
              waiting ? "no room on the host's disk; the guest's writes wait for it"
                      : "no write waits for room any more");
    if (config_.on_full)
        config_.on_full(waiting);
}

// ---- answers ----

void Blk::complete(virtio::Queue& queue, Request& request, std::uint8_t status) {
    virtio::Chain& chain = request.chain;
    if (chain.writable_size == 0) { // no room for a status: nothing can be said
        queue.push(chain, 0);
        return;
    }
    virtio::Cursor last = chain.writer();
    last.skip(chain.writable_size - 1);
    last.write({&status, 1});
    // §2.7.8.2: the length covers what was written without a gap from the start.
    const bool whole = request.written == chain.writable_size - 1;
    queue.push(chain, static_cast<std::uint32_t>(request.written + (whole ? 1 : 0)));
}

// ---- requests ----

/// §5.2.6.2: a request beyond the end of the disk fails as a whole.
bool Blk::in_range(std::uint64_t sector, std::uint64_t bytes) const {
    const std::uint64_t sectors = disk_.size() / sector_size;
    return bytes % sector_size == 0 && sector <= sectors && bytes / sector_size <= sectors - sector;
}

std::uint8_t Blk::io_status(int error, const char* what) {
    if (error == 0)
        return status_ok;
    if (!std::exchange(complained_, true))
        log::error("disk {}: {} failed: {}{}", config_.serial, what, std::strerror(error),
                   error == ENOSPC || error == EDQUOT
                       ? "; the guest's file system turns read-only then: make room and restart it"
                       : "");
    return status_ioerr;
}

/// Of a change. What the host had no room for is no error yet.
std::uint8_t Blk::change_status(int error, const char* what) {
    if (error == ENOSPC || error == EDQUOT)
        return no_room;
    if (error == 0 && write_through_)
        error = disk_.flush();
    return io_status(error, what);
}

std::optional<std::uint8_t> Blk::execute(Request& request) {
    request.written = 0;
    virtio::Cursor reader = request.chain.reader();
    std::array<std::uint8_t, header_size> header;
    if (reader.read(header) != header.size() || request.chain.writable_size == 0)
        return status_ioerr;
    const auto type = load_le<std::uint32_t>(header);
    const auto sector = load_le<std::uint64_t>(BytesView(header).subspan(8));
    switch (type) {
    case type_in: return execute_read(request, sector);
    case type_get_id: return execute_get_id(request);
    case type_out: return execute_write(sector, reader);
    case type_flush: return execute_flush();
    case type_discard:
    case type_write_zeroes: return execute_segments(type, reader);
    default: return status_unsupp;
    }
}

std::optional<std::uint8_t> Blk::execute_read(Request& request, std::uint64_t sector) {
    const std::uint64_t bytes = request.chain.writable_size - 1; // without the status byte
    if (bytes > max_request_bytes || !in_range(sector, bytes))
        return status_ioerr;
    request.read = {sector * sector_size, request.chain.writer()};
    request.read.into.limit(bytes);
    const int error = disk_.read_cached(request.read);
    if (error == EAGAIN) {
        disk_.announce(request.read);
        return std::nullopt;
    }
    request.written = bytes - request.read.into.remaining();
    bytes_read_.fetch_add(request.written, std::memory_order_relaxed);
    return io_status(error, "read");
}

std::uint8_t Blk::finish_read(Request& request) {
    const int error = disk_.read_waiting(request.read);
    request.written = request.chain.writable_size - 1 - request.read.into.remaining();
    bytes_read_.fetch_add(request.written, std::memory_order_relaxed);
    return io_status(error, "read");
}

std::uint8_t Blk::execute_write(std::uint64_t sector, virtio::Cursor data) {
    if (config_.read_only || data.remaining() > max_request_bytes ||
        !in_range(sector, data.remaining()))
        return status_ioerr;
    const std::uint64_t bytes = data.remaining();
    const std::uint8_t status = change_status(disk_.write(sector * sector_size, data), "write");
    if (status == status_ok)
        bytes_written_.fetch_add(bytes, std::memory_order_relaxed);
    return status;
}

std::uint8_t Blk::execute_flush() {
    if (config_.read_only || config_.durability == Durability::none)
        return status_ok;
    return io_status(disk_.flush(), "flush");
}

std::uint8_t Blk::execute_get_id(Request& request) {
    std::array<std::uint8_t, id_size> id{};
    std::ranges::copy(config_.serial, id.begin());
    const std::uint64_t room = request.chain.writable_size - 1;
    request.written =
        request.chain.writer().write(BytesView(id).first(std::min<std::uint64_t>(room, id_size)));
    return status_ok;
}

std::uint8_t Blk::execute_segments(std::uint32_t type, virtio::Cursor data) {
    constexpr std::size_t entry = 16;
    if (config_.read_only)
        return status_ioerr;
    const std::uint64_t count = data.remaining() / entry;
    if (count == 0 || count > max_ranges || data.remaining() % entry != 0)
        return status_ioerr;
    for (std::uint64_t i = 0; i < count; ++i) {
        std::array<std::uint8_t, entry> raw;
        data.read(raw);
        const Segment segment{load_le<std::uint64_t>(raw),
                              load_le<std::uint32_t>(BytesView(raw).subspan(8)),
                              load_le<std::uint32_t>(BytesView(raw).subspan(12))};
        if (const std::uint8_t status = execute_segment(type, segment); status != status_ok)
            return status;
    }
    return status_ok;
}

std::uint8_t Blk::execute_segment(std::uint32_t type, const Segment& segment) {
    const bool zero = type == type_write_zeroes;
    // §5.2.6.2: unknown flags, and "unmap" on a discard, are not supported.
    if ((segment.flags & ~(zero ? flag_unmap : 0)) != 0)
        return status_unsupp;
    const std::uint64_t offset = segment.sector * sector_size;
    const std::uint64_t bytes = segment.sectors * sector_size;
    if (segment.sectors > (zero ? max_zeroes_sectors : max_discard_sectors) ||
        !in_range(segment.sector, bytes))
        return status_ioerr;
    const int error = zero ? disk_.write_zeroes(offset, bytes, (segment.flags & flag_unmap) != 0)
                           : disk_.discard(offset, bytes);
    return change_status(error, zero ? "write zeroes" : "discard");
}

} // namespace msb::device
