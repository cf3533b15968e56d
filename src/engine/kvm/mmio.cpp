#include "engine/kvm/mmio.hpp"

#include "virtio/device.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace msb::engine::kvm {

namespace {

// §4.2.2.
enum Register : std::uint64_t {
    reg_magic = 0x0,
    reg_version = 0x4,
    reg_device_id = 0x8,
    reg_vendor = 0xc,
    reg_device_features = 0x10,
    reg_device_features_select = 0x14,
    reg_driver_features = 0x20,
    reg_driver_features_select = 0x24,
    reg_queue_select = 0x30,
    reg_queue_size_max = 0x34,
    reg_queue_size = 0x38,
    reg_queue_ready = 0x44,
    reg_interrupt_status = 0x60,
    reg_interrupt_acknowledge = 0x64,
    reg_status = 0x70,
    reg_queue_descriptors = 0x80,
    reg_queue_available = 0x90,
    reg_queue_used = 0xa0,
    reg_shared_memory_first = 0xb0,
    reg_shared_memory_last = 0xbc,
    reg_config_generation = 0xfc,
    reg_config = 0x100,
};
constexpr std::uint32_t virtio_magic = 0x7472'6976;  // "virt"
constexpr std::uint32_t virtio_vendor = 0x2042'534d; // "MSB "
constexpr std::uint32_t modern_version = 2;

// §2.1.
constexpr std::uint32_t features_ok = 8, driver_ok = 4, needs_reset = 64;

/// Bits of features that this transport and its rings know: those of device types, and three more.
constexpr std::uint64_t known_features = ((std::uint64_t{1} << 24) - 1) |
                                         virtio::feature_indirect_desc |
                                         virtio::feature_event_index | virtio::feature_version_1;

/// Bytes of the configuration spaces, §5: a back-end may refuse to give more.
std::size_t config_size(std::uint32_t id) {
    switch (static_cast<virtio::DeviceId>(id)) {
    case virtio::DeviceId::net: return 12;
    case virtio::DeviceId::block: return 60;
    case virtio::DeviceId::vsock: return 8;
    case virtio::DeviceId::fs: return 40;
    case virtio::DeviceId::entropy: return 0;
    }
    return 0;
}

std::uint32_t half(std::uint64_t value, std::uint32_t select) {
    return select == 0   ? static_cast<std::uint32_t>(value)
           : select == 1 ? static_cast<std::uint32_t>(value >> 32)
                         : 0;
}

void set_half(std::uint64_t& value, bool high, std::uint32_t part) {
    const std::uint64_t kept = high ? 0xffff'ffff : 0xffff'ffffULL << 32;
    value = (value & kept) | (high ? std::uint64_t{part} << 32 : part);
}

} // namespace

MmioDevice::MmioDevice(std::uint32_t id, virtio::Backend& backend,
                       std::vector<virtio::RamRange> ram)
    : id_(id), backend_(backend), ram_(std::move(ram)), config_(config_size(id)),
      queues_(backend.queue_count()) {}

Status MmioDevice::prepare() {
    return config_.empty() ? Status{} : backend_.read_config(config_);
}

void MmioDevice::read(std::uint64_t offset, MutableBytesView out) {
    std::ranges::fill(out, std::uint8_t{0});
    const std::lock_guard lock(mutex_);
    if (offset >= reg_config)
        virtio::copy_config(config_, static_cast<std::uint32_t>(offset - reg_config), out);
    else if (out.size() == 4) // §4.2.2.2: registers are read and written as a whole
        store_le(out, read_register(offset));
}

Status MmioDevice::write(std::uint64_t offset, BytesView data) {
    const std::lock_guard lock(mutex_);
    if (offset >= reg_config)
        return write_config(offset - reg_config, data);
    return data.size() == 4 ? write_register(offset, load_le<std::uint32_t>(data)) : Status{};
}

Status MmioDevice::note_config_change() {
    const std::lock_guard lock(mutex_);
    MSB_TRY(prepare());
    ++config_generation_;
    interrupt_status_ |= config_change;
    return {};
}

std::uint32_t MmioDevice::read_register(std::uint64_t offset) const {
    const Queue* const queue = queue_select_ < queues_.size() ? &queues_[queue_select_] : nullptr;
    switch (offset) {
    case reg_magic: return virtio_magic;
    case reg_version: return modern_version;
    case reg_device_id: return id_;
    case reg_vendor: return virtio_vendor;
    case reg_device_features:
        return half(backend_.features() & known_features, device_features_select_);
    case reg_queue_size_max: return queue != nullptr ? largest_queue : 0;
    case reg_queue_ready: return queue != nullptr && queue->ready ? 1 : 0;
    case reg_interrupt_status: return interrupt_status_;
    case reg_status: return status_;
    case reg_config_generation: return config_generation_;
    default:
        // §4.2.2: a length of all ones says that there is no shared memory.
        return offset >= reg_shared_memory_first && offset <= reg_shared_memory_last ? 0xffff'ffff
                                                                                     : 0;
    }
}

Status MmioDevice::write_register(std::uint64_t offset, std::uint32_t value) {
    switch (offset) {
    case reg_device_features_select: device_features_select_ = value; return {};
    case reg_driver_features_select: driver_features_select_ = value; return {};
    case reg_driver_features:
        // §2.2: fixed once the driver has said that it has chosen.
        if ((status_ & features_ok) == 0 && driver_features_select_ <= 1)
            set_half(driver_features_, driver_features_select_ == 1, value);
        return {};
    case reg_queue_select: queue_select_ = value; return {};
    case reg_interrupt_acknowledge: interrupt_status_ &= ~value; return {};
    case reg_status: return write_status(value);
    default: write_queue_register(offset, value); return {};
    }
}

void MmioDevice::write_queue_register(std::uint64_t offset, std::uint32_t value) {
    if (queue_select_ >= queues_.size() || (status_ & driver_ok) != 0)
        return;
    Queue& queue = queues_[queue_select_];
    if (offset == reg_queue_ready) {
        queue.ready = value == 1;
        return;
    }
    if (queue.ready)
        return;
    switch (offset) {
    case reg_queue_size:
        queue.size = value <= largest_queue ? static_cast<std::uint16_t>(value) : 0;
        return;
    case reg_queue_descriptors:
    case reg_queue_descriptors + 4:
        return set_half(queue.descriptors, offset != reg_queue_descriptors, value);
    case reg_queue_available:
    case reg_queue_available + 4:
        return set_half(queue.available, offset != reg_queue_available, value);
    case reg_queue_used:
    case reg_queue_used + 4: return set_half(queue.used, offset != reg_queue_used, value);
    default: return;
    }
}

Status MmioDevice::write_status(std::uint32_t value) {
    if (value == 0)
        return reset();
    const std::uint32_t added = value & ~status_ & 0xff & ~needs_reset;
    // §3.1.1: the driver reads the bit back, and gives the device up where it is not set.
    const std::uint64_t offered = backend_.features() & known_features;
    const bool acceptable =
        (driver_features_ & ~offered) == 0 && (driver_features_ & virtio::feature_version_1) != 0;
    status_ |= acceptable ? added : added & ~features_ok;
    if ((added & driver_ok) == 0)
        return {};
    return start();
}

Status MmioDevice::start() {
    std::vector<virtio::RingSetup> rings;
    bool sound = (status_ & features_ok) != 0;
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        const Queue& queue = queues_[i];
        if (!queue.ready)
            continue;
        sound = sound && is_sound(queue);
        rings.push_back({static_cast<std::uint16_t>(i), queue.size, queue.descriptors,
                         queue.available, queue.used});
    }
    if (!sound) {
        require_reset();
        return {};
    }
    started_ = true;
    return backend_.start(driver_features_, rings);
}

Status MmioDevice::reset() {
    status_ = 0;
    driver_features_ = 0;
    queue_select_ = device_features_select_ = driver_features_select_ = 0;
    std::ranges::fill(queues_, Queue{});
    const Status stopped = std::exchange(started_, false) ? backend_.reset() : Status{};
    interrupt_status_ = 0; // last: until now the rings were served
    return stopped;
}

Status MmioDevice::write_config(std::uint64_t offset, BytesView data) {
    if (offset > config_.size() || config_.size() - offset < data.size())
        return {};
    MSB_TRY(backend_.write_config(static_cast<std::uint32_t>(offset), data));
    return prepare(); // what the device has made of it
}

/// §2.7: sizes are powers of two; the parts are aligned, and hold what their size says.
bool MmioDevice::is_sound(const Queue& queue) const {
    const std::uint64_t size = queue.size;
    return std::has_single_bit(size) && queue.descriptors % 16 == 0 && queue.available % 2 == 0 &&
           queue.used % 4 == 0 && is_ram(queue.descriptors, 16 * size) &&
           is_ram(queue.available, 6 + 2 * size) && is_ram(queue.used, 6 + 8 * size);
}

bool MmioDevice::is_ram(std::uint64_t address, std::uint64_t size) const {
    return std::ranges::any_of(ram_, [=](const virtio::RamRange& range) {
        return address >= range.guest_address && range.size >= size &&
               address - range.guest_address <= range.size - size;
    });
}

void MmioDevice::require_reset() {
    status_ |= needs_reset;
    interrupt_status_ |= config_change;
    needs_interrupt_ = true;
}

} // namespace msb::engine::kvm
