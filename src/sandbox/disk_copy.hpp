// The disk of a sandbox as it is at one moment, in a new file.
#pragma once

#include "disk/sparse_copy.hpp"
#include "sandbox/sandboxes.hpp"

#include <string>

namespace msb {

struct DiskCopy {
    SandboxSpec spec; ///< of the sandbox
    std::uint64_t size = 0;
    /// If it does not run: it cannot be started as long as this lives.
    std::optional<Sandboxes::Still> still;
};

/// The guest of a sandbox that runs holds its disk still: for a moment where the file can share its
/// blocks; else for as long as copying takes, if that was asked for (`while_frozen`), and busy if it
/// was not. Busy, too, if it has storage of its own besides, which is not held still. Not durable.
Result<DiskCopy> copy_disk(Sandboxes& sandboxes, const std::string& sandbox,
                           const std::string& path, bool while_frozen, const disk::Watch& watch);

/// A disk that others may have put there: no link, no FIFO.
Result<OwnedFd> open_disk(const std::string& path);

/// The file with the sandbox's own root disk; unsupported if it has none that can be copied, with the
/// reason.
Result<std::string> own_disk(const Home& home, const SandboxSpec& spec);

} // namespace msb
