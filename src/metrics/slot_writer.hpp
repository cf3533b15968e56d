// The runtime's side: one slot, in the only page of the segment that it has.
#pragma once

#include "base/result.hpp"
#include "metrics/layout.hpp"

#include <cstdint>

namespace msb::metrics {

/// A slot that was given out: what its runtime is told.
struct Place {
    std::uint32_t page = 0;
    std::uint64_t generation = 0; ///< of this use of the slot
    std::uint64_t offset() const { return std::uint64_t{page} * page_bytes; }
};

class SlotWriter {
  public:
    /// `page`: the one at place.offset(), mapped for as long as this lives. corrupt if its slot was given
    /// to somebody else.
    static Result<SlotWriter> open(std::uint8_t* page, const Place& place);

    /// The guest runs; numbers may follow.
    void activate(std::int64_t started_at_ms);
    void publish(const Numbers& numbers, const MoreNumbers& more);
    /// No more follow; the last ones stay to be read.
    void retire();

  private:
    explicit SlotWriter(Slot& slot) : slot_(&slot) {}
    Slot* slot_;
};

} // namespace msb::metrics
