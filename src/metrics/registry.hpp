// The registry of one MSB_HOME: who has which slot of its segment. No daemon: whoever starts a sandbox
// makes the segment, and gives a slot out.
//
// What a runtime can write is not believed about who it is. Which sandbox has which slot stands in a table of the
// home, run/metrics/owners, that no runtime reaches; whoever reads or changes it holds its flock for as long as that
// takes. Whether an owner lives is told by its sandbox's lifecycle lock, which the caller knows how to ask. So the
// slot of a runtime, or a launcher, that was killed is free for the next sandbox, and nobody has to notice the
// death. Slot and table are written in an order in which being killed between leaves a slot without a sample.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "metrics/sample.hpp"
#include "metrics/slot_writer.hpp"

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace msb::metrics {

class OwnerTable;

class Registry {
  public:
    /// Whether the sandbox of this name has a runtime, or is being started or changed.
    using Alive = std::function<bool(const std::string& name)>;
    static constexpr std::uint32_t default_sandboxes = 1024;
    static constexpr std::uint32_t most_sandboxes = 65536;

    /// Nothing is made or opened before it is needed.
    Registry(const std::string& home, Alive alive);

    struct Wanted {
        std::string name;
        std::uint64_t memory_limit = 0;
        unsigned cpus = 1;
        std::uint32_t interval_ms = 0;
        std::uint32_t sandboxes = default_sandboxes; ///< how many there is to be room for
    };
    struct Reserved {
        Place place;
        OwnedFd segment; ///< readable and writable
    };
    /// A slot for a sandbox whose lifecycle lock the caller holds. Makes the segment, also in place of
    /// one that is damaged or of another size, if no owner of that lives. limit_exceeded: all slots are
    /// taken by living sandboxes.
    Result<Reserved> reserve(const Wanted& wanted);
    /// Whom other readers should ask about the slot: its runtime.
    static void set_runtime(const Reserved& reserved, pid_t pid);

    /// The run is over: what was sampled stays to be read until somebody needs the slot; a slot without a
    /// sample is free. Needs the sandbox's lock, as does forget().
    Status release(const std::string& name);
    /// The sandbox is removed.
    Status forget(const std::string& name);

    struct Entry {
        std::string name;
        std::uint64_t run = 0; ///< differs from run to run
        std::optional<Sample> sample;
    };
    /// Of all slots that were given out, in no order; `alive` is not asked. None if there is no registry.
    Result<std::vector<Entry>> read() const;
    /// Nothing if this sandbox has no slot.
    Result<std::optional<Entry>> read(const std::string& name) const;

    bool is_alive(const std::string& name) const { return alive_(name); }

    /// Name of the segment, for shm_open(3).
    const std::string& segment_name() const { return segment_name_; }

  private:
    Result<OwnedFd> open_segment(OwnerTable& table, std::uint32_t sandboxes) const;
    Result<OwnedFd> make_segment(OwnerTable& table, std::uint32_t sandboxes) const;
    bool any_alive(const OwnerTable& table) const;
    Status give_up_slot(const std::string& name, bool keep_sample) const;
    Result<std::vector<Entry>> read_those(const std::string* name) const;

    std::string directory_;
    std::string segment_name_;
    Alive alive_;
};

} // namespace msb::metrics
