// A taken-over runtime writes anything into its slot. Whatever is there, a sample's numbers are within bounds.
#include "metrics/sample.hpp"

#include <cstdlib>

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView bytes{data, size};
    if (size >= sizeof(metrics::Header))
        (void)metrics::find_fault(bytes.first(sizeof(metrics::Header)), size);
    if (size < sizeof(metrics::Slot))
        return 0;
    const BytesView slot = bytes.first(sizeof(metrics::Slot));
    const auto generation =
        load_le<std::uint64_t>(slot.subspan(offsetof(metrics::Slot, generation), 8));
    const auto sample = metrics::read_slot(slot, generation);
    if (sample && !(sample->cpu_percent >= 0 && sample->cpu_percent <= 100.0 * sample->cpus &&
                    sample->sampled_at_ms > 0 && sample->cpu_time_ns < (std::uint64_t{1} << 53)))
        std::abort();
    return 0;
}
