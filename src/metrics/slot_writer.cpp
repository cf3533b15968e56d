#include "metrics/slot_writer.hpp"

#include <atomic>

namespace msb::metrics {

namespace {

void set(SlotState& state, SlotState value) {
    std::atomic_ref(state).store(value, std::memory_order_release);
}

} // namespace

Result<SlotWriter> SlotWriter::open(std::uint8_t* page, const Place& place) {
    Slot& slot = *reinterpret_cast<Slot*>(page + slot_in_page);
    if (slot.generation != place.generation)
        return fail(ErrorKind::corrupt, "the slot for metrics is another sandbox's");
    return SlotWriter(slot);
}

void SlotWriter::activate(std::int64_t started_at_ms) {
    slot_->started_at_ms = started_at_ms;
    set(slot_->state, SlotState::active);
}

/// Readers take numbers only if `sequence` was the same even number before and after.
void SlotWriter::publish(const Numbers& numbers, const MoreNumbers& more) {
    const std::atomic_ref sequence(slot_->sequence);
    const std::uint64_t before = sequence.load(std::memory_order_relaxed) & ~std::uint64_t{1};
    sequence.store(before + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    const std::uint64_t restarts = slot_->more.restarts; // its launcher's to know
    slot_->numbers = numbers;
    slot_->numbers.known |= known_restarts;
    slot_->more = more;
    slot_->more.restarts = restarts;
    sequence.store(before + 2, std::memory_order_release);
}

void SlotWriter::retire() {
    set(slot_->state, SlotState::stale);
}

} // namespace msb::metrics
