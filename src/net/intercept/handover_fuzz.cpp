#include "net/intercept/handover.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using msb::net::Handover;
    const auto handover = Handover::from_json({reinterpret_cast<const char*>(data), size});
    if (!handover)
        return 0;
    const auto again = Handover::from_json(handover->to_json());
    if (!again || *again != *handover)
        std::abort();
    return 0;
}
