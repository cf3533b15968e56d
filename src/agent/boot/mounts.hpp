// What the host adds to the guest's tree: files and directories of its own, disks, and file systems in
// memory.
#pragma once

#include "base/result.hpp"
#include "wire/bootstrap.hpp"

namespace msb::agent {

/// Mounts parents before children and makes the mount points. The whole plan is checked before the
/// first mount.
Status mount_asked(const wire::Bootstrap& bootstrap);

/// Makes what is mounted from disks, but for the root's, durable and clean on them, also if programs have
/// files open there: what they write from then on fails. `initramfs` is what assemble_root() returned.
void settle_disks(int initramfs);

} // namespace msb::agent
