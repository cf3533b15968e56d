// Guest RAM as a device sees it: regions of shared files that the front-end handed over, and the
// translation of guest-physical (and front-end-virtual) addresses into our own address space.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "virtio/fault_guard.hpp"

#include <cstdint>
#include <sys/uio.h>
#include <vector>

namespace msb::virtio {

/// One region as vhost-user's memory table describes it. All numbers are bytes and untrusted.
struct MemoryRegion {
    std::uint64_t guest_address = 0; ///< Guest-physical address of the first byte.
    std::uint64_t size = 0;
    std::uint64_t user_address = 0; ///< The same byte in the front-end's address space.
    std::uint64_t file_offset = 0;  ///< Where it starts in `fd`.
    OwnedFd fd;                     ///< Regular file or memfd.
};

class GuestMemory {
  public:
    /// As many regions as one vhost-user message can carry descriptors for.
    static constexpr std::size_t max_regions = 8;

    GuestMemory() = default;
    /// Maps all regions or none. Refused: more than max_regions, empty, wrapping or overlapping
    /// regions, and files that are shorter than their region (touching those would be SIGBUS).
    static Result<GuestMemory> map(std::vector<MemoryRegion> regions);

    /// Our address of `length` guest-physical bytes that lie in one region; nullptr otherwise.
    std::uint8_t* translate(std::uint64_t guest_address, std::uint64_t length) const;
    /// The same for an address of the front-end's own address space (ring addresses).
    std::uint8_t* translate_user(std::uint64_t user_address, std::uint64_t length) const;

    /// Appends the pieces of a guest-physical range, which may cross adjacent regions. False, and
    /// `out` in an unspecified but bounded state, if a byte is not guest RAM or `out` would exceed
    /// `max_pieces`. A length of 0 appends nothing.
    bool append(std::uint64_t guest_address, std::uint64_t length, std::vector<iovec>& out,
                std::size_t max_pieces) const;

    /// Bytes that the host has given to the files behind it.
    std::uint64_t allocated() const;
    bool empty() const { return regions_.empty(); }
    /// The front-end has truncated a memory file (see fault_guard.hpp): data read since then is not
    /// real.
    bool faulted() const;

  private:
    struct Mapped {
        std::uint64_t guest_address;
        std::uint64_t user_address;
        std::uint64_t size;
        std::uint8_t* host;
        GuardedMapping mapping;
        OwnedFd file;
    };
    static Result<Mapped> map_one(MemoryRegion region);
    const Mapped* find(std::uint64_t guest_address) const;

    std::vector<Mapped> regions_;
};

} // namespace msb::virtio
