#include "virtio/queue.hpp"

#include <atomic>
#include <bit>
#include <cstring>

namespace msb::virtio {

namespace {

static_assert(std::endian::native == std::endian::little, "rings are little-endian (§1.4)");

// §2.7.5
constexpr std::uint16_t desc_next = 1;
constexpr std::uint16_t desc_write = 2;
constexpr std::uint16_t desc_indirect = 4;
constexpr std::size_t descriptor_size = 16;
// §2.7.6 and §2.7.8: the flags of both rings that suppress notifications.
constexpr std::uint16_t avail_no_interrupt = 1;
constexpr std::uint16_t used_no_notify = 1;
constexpr std::size_t used_entry_size = 8;

std::uint16_t load_field(std::uint16_t& field, std::memory_order order) {
    return std::atomic_ref(field).load(order);
}
void store_field(std::uint16_t& field, std::uint16_t value, std::memory_order order) {
    std::atomic_ref(field).store(value, order);
}

bool aligned(std::uint64_t address, std::uint64_t alignment) {
    return address % alignment == 0;
}

} // namespace

Status Queue::start(const GuestMemory& memory, const Config& config,
                    std::function<void(std::string_view)> on_broken) {
    stop();
    const std::uint64_t size = config.size;
    if (size == 0 || size > max_size || !std::has_single_bit(size))
        return fail(ErrorKind::protocol, "virtqueue size is not a power of two in range");
    // §2.7: alignment of the three areas and their sizes; the two event fields count always.
    if (!aligned(config.descriptors, 16) || !aligned(config.available, 2) ||
        !aligned(config.used, 4))
        return fail(ErrorKind::protocol, "virtqueue areas are not aligned");
    descriptors_ = memory.translate_user(config.descriptors, descriptor_size * size);
    available_ = memory.translate_user(config.available, 6 + 2 * size);
    used_ = memory.translate_user(config.used, 6 + used_entry_size * size);
    if (descriptors_ == nullptr || available_ == nullptr || used_ == nullptr)
        return fail(ErrorKind::protocol, "virtqueue areas are not in guest memory");
    // Regions may be placed so that an aligned foreign address is unaligned here.
    if (!aligned(reinterpret_cast<std::uintptr_t>(available_), 2) ||
        !aligned(reinterpret_cast<std::uintptr_t>(used_), 4))
        return fail(ErrorKind::protocol, "virtqueue areas are not aligned");
    size_ = config.size;
    next_available_ = config.next_available;
    seen_available_ = config.next_available;
    next_used_ = load_field(used_field(2), std::memory_order_relaxed);
    signalled_used_ = next_used_;
    event_index_ = config.event_index;
    indirect_ = config.indirect;
    on_broken_ = std::move(on_broken);
    memory_ = &memory;
    return {};
}

void Queue::stop() {
    memory_ = nullptr;
    broken_ = false;
    descriptors_ = available_ = used_ = nullptr;
}

std::uint16_t& Queue::available_field(std::size_t index) const {
    return reinterpret_cast<std::uint16_t*>(available_)[index];
}

std::uint16_t& Queue::used_field(std::size_t byte_offset) const {
    return *reinterpret_cast<std::uint16_t*>(used_ + byte_offset);
}

bool Queue::fault(std::string_view reason) {
    broken_ = true;
    if (on_broken_)
        on_broken_(reason);
    return false;
}

bool Queue::has_available() {
    if (memory_ == nullptr || broken_)
        return false;
    if (seen_available_ != next_available_)
        return true;
    // Acquire pairs with the driver's barrier between filling an entry and publishing it
    // (§2.7.13.3).
    seen_available_ = load_field(available_field(1), std::memory_order_acquire);
    const auto count = static_cast<std::uint16_t>(seen_available_ - next_available_);
    if (count > size_)
        return fault("available index runs ahead of the ring");
    return count != 0;
}

bool Queue::pop(Chain& chain) {
    chain.clear();
    if (!has_available())
        return false;
    if (memory_->faulted())
        return fault("guest memory was taken away");
    const std::uint16_t slot = next_available_ & static_cast<std::uint16_t>(size_ - 1);
    const std::uint16_t head = load_field(available_field(2u + slot), std::memory_order_relaxed);
    if (head >= size_)
        return fault("available ring names a descriptor that does not exist");
    if (!collect(head, chain))
        return false;
    chain.head = head;
    ++next_available_;
    return true;
}

Queue::Descriptor Queue::load(const std::uint8_t* table, std::size_t index) {
    Descriptor descriptor;
    static_assert(sizeof(descriptor) == descriptor_size);
    std::memcpy(&descriptor, table + index * descriptor_size, descriptor_size);
    // The compiler must take the copy from here on, not load a field a second time.
    asm volatile("" : "+m"(descriptor));
    return descriptor;
}

bool Queue::add(const Descriptor& descriptor, Chain& chain) {
    const bool writable = (descriptor.flags & desc_write) != 0;
    // §2.7.4.2: device-readable elements come before device-writable ones.
    if (!writable && chain.writable_size != 0)
        return fault("readable descriptor behind a writable one");
    (writable ? chain.writable_size : chain.readable_size) += descriptor.length;
    if (chain.readable_size + chain.writable_size > UINT32_MAX)
        return fault("descriptor chain of 4 GiB or more");
    if (!memory_->append(descriptor.address, descriptor.length,
                         writable ? chain.writable : chain.readable, Chain::max_pieces))
        return fault("descriptor outside guest memory");
    return true;
}

bool Queue::collect(std::uint16_t head, Chain& chain) {
    std::uint16_t index = head;
    // A chain without a loop has at most as many elements as the table (§2.7.5.2).
    for (std::uint16_t count = 0; count < size_; ++count) {
        const Descriptor descriptor = load(descriptors_, index);
        if ((descriptor.flags & desc_indirect) != 0) {
            // §2.7.5.3.1: needs the feature, and ends the chain.
            if (!indirect_ || (descriptor.flags & desc_next) != 0)
                return fault("indirect descriptor where none is allowed");
            return collect_indirect(descriptor, chain);
        }
        if (!add(descriptor, chain))
            return false;
        if ((descriptor.flags & desc_next) == 0)
            return true;
        index = descriptor.next;
        if (index >= size_)
            return fault("descriptor chain leaves the table");
    }
    return fault("descriptor chain has a loop");
}

bool Queue::collect_indirect(const Descriptor& table, Chain& chain) {
    const std::uint32_t entries = table.length / descriptor_size;
    // §2.7.5.3.1 limits the table to the queue size; drivers that exceed it are harmless up to what
    // a Chain holds.
    if (entries == 0 || table.length % descriptor_size != 0 || entries > Chain::max_pieces)
        return fault("indirect table has an impossible size");
    const std::uint8_t* const base = memory_->translate(table.address, table.length);
    if (base == nullptr)
        return fault("indirect table outside guest memory");
    std::uint32_t index = 0;
    for (std::uint32_t count = 0; count < entries; ++count) {
        const Descriptor descriptor = load(base, index);
        if ((descriptor.flags & desc_indirect) != 0)
            return fault("indirect descriptor inside an indirect table");
        if (!add(descriptor, chain))
            return false;
        if ((descriptor.flags & desc_next) == 0)
            return true;
        index = descriptor.next;
        if (index >= entries)
            return fault("descriptor chain leaves the indirect table");
    }
    return fault("descriptor chain has a loop");
}

void Queue::push(const Chain& chain, std::uint32_t written) {
    if (memory_ == nullptr || broken_)
        return;
    const std::size_t slot = next_used_ & (size_ - 1u);
    std::uint8_t* const entry = used_ + 4 + slot * used_entry_size;
    const std::uint32_t values[2] = {chain.head, written};
    std::memcpy(entry, values, sizeof(values));
    ++next_used_;
    // Release: the entry and the buffer's content are visible before the index (§2.7.8.2).
    store_field(used_field(2), next_used_, std::memory_order_release);
}

bool Queue::interrupt_wanted() {
    // The driver writes used_event (or the flag), then looks at the used index; we wrote the index
    // and now look at used_event. Without full barriers both could miss the other's write.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!event_index_)
        return (load_field(available_field(0), std::memory_order_relaxed) & avail_no_interrupt) ==
               0;
    // §2.7.10.1: interrupt when used_event lies in [signalled, next), modulo 2^16.
    const std::uint16_t event = load_field(available_field(2u + size_), std::memory_order_relaxed);
    return static_cast<std::uint16_t>(next_used_ - event - 1) <
           static_cast<std::uint16_t>(next_used_ - signalled_used_);
}

void Queue::notify() {
    if (memory_ == nullptr || broken_ || next_used_ == signalled_used_)
        return;
    const bool wanted = interrupt_wanted();
    signalled_used_ = next_used_;
    if (wanted)
        interrupt_.raise();
}

bool Queue::arm() {
    if (memory_ == nullptr || broken_)
        return false;
    if (event_index_)
        store_field(used_field(4 + used_entry_size * size_), next_available_,
                    std::memory_order_relaxed);
    else
        store_field(used_field(0), 0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst); // as in interrupt_wanted()
    return has_available();
}

void Queue::disarm() {
    // With the event index nothing is needed: avail_event stays behind, and a driver that has
    // passed it does not kick.
    if (memory_ != nullptr && !broken_ && !event_index_)
        store_field(used_field(0), used_no_notify, std::memory_order_relaxed);
}

} // namespace msb::virtio
