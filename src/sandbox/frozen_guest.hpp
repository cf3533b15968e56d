// A guest that holds its disk still while the host copies it. It runs on, but what writes to its disk
// waits; all that was written before is on the disk. It thaws by itself soon after nobody asks for
// more time, so a command that dies holds nobody up.
#pragma once

#include "sandbox/runtime_door.hpp"

namespace msb {

class FrozenGuest {
  public:
    /// `door`: the runtime's of a sandbox that runs. timed_out if the guest does not do it soon;
    /// busy if it is frozen already.
    static Result<FrozenGuest> freeze(RuntimeDoor door);
    FrozenGuest(FrozenGuest&&) = default;
    FrozenGuest& operator=(FrozenGuest&&) = delete;
    /// Thaws.
    ~FrozenGuest();

    /// Call it several times a second while it is to stay frozen.
    Status keep();
    /// An error: it was not still all the time, and what was copied is no use.
    Status thaw();

  private:
    FrozenGuest(RuntimeDoor door, std::uint64_t number) : door_(std::move(door)), number_(number) {}
    Status ask_for_time();
    Result<wire::HostFreezeReport> report();
    /// Until it is no longer `state`.
    Result<wire::HostFreezeReport> wait_while(std::string_view state);

    std::optional<RuntimeDoor> door_; ///< none once it has thawed
    std::uint64_t number_;
    std::chrono::steady_clock::time_point asked_{};
};

} // namespace msb
