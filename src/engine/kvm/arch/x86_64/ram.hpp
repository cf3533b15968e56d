// Where guest RAM is: around the gap below 4 GiB.
#pragma once

#include "engine/kvm/arch/x86_64/layout.hpp"
#include "virtio/frontend/frontend.hpp"

#include <vector>

namespace msb::engine::kvm::layout {

/// RAM as the guest sees it, in the order of the file that it is in. `bytes` is a multiple of a page.
inline std::vector<virtio::RamRange> ram(std::uint64_t bytes) {
    if (bytes <= gap_start)
        return {{0, bytes, 0}};
    return {{0, gap_start, 0}, {gap_end, bytes - gap_start, gap_start}};
}

} // namespace msb::engine::kvm::layout
