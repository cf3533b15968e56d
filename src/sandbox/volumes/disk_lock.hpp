// Who may use a disk: several may read it, or one alone writes to it.
#pragma once

#include "base/fd.hpp"
#include "sandbox/home.hpp"

#include <string>

namespace msb {

/// A lock on an open disk that a jailed process can hold: the disk's own descriptor would let one that may only
/// read write to it, too. The disk itself is locked as well, for other programs and homes, as long as `disk` is
/// open. busy if others have it.
Result<OwnedFd> lock_disk(const Home& home, int disk, const std::string& path, bool read_only);

} // namespace msb
