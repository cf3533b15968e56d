// The root file system: devices, overlay, and the mounts that programs expect.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "wire/bootstrap.hpp"

#include <string>
#include <vector>

namespace msb::agent {

/// Mounts the image: the read-only lower layer, or the whole disk.
Status mount_image(const wire::BlockRoot& root);
/// Makes `root`, whose image is mounted, the root directory of this process and of everything it
/// starts. Returns the initramfs, where the parts of the root are mounted.
Result<OwnedFd> assemble_root(const wire::BlockRoot& root, bool ephemeral);

/// mount(2) that makes the missing mount point first and says what failed.
Status mount_at(const char* source, const std::string& target, const char* type,
                unsigned long flags, const char* options = nullptr);

/// Those of the kernel that live on a device. Needs /proc.
Result<std::vector<std::string>> known_file_systems();
/// Writes everything of an ext4 file system and empties its journal; then every write fails.
Status shut_down(int directory);

/// /dev, /proc, /sys and their kin. Mounts that this kernel lacks and programs can do without are
/// left out.
Status mount_system();
/// /run (in memory for an init only), /tmp and /var/tmp.
Status mount_writable(const wire::Bootstrap& bootstrap);

/// The file system that takes what is written to the root, for calls on all of it.
Result<OwnedFd> open_upper(int initramfs);

/// Extends it, if that is ext4, to so many MiB of its disk, which may be about to get that size.
Status grow_upper(int initramfs, std::uint64_t size_mib);

/// Unmounts the root, so that everything in it is durable and consistent. Requires that nothing
/// runs any more and no file in it is open. `initramfs` is what assemble_root() returned.
Status save_root(int initramfs);
/// As save_root(), for a root that an init system still uses: makes it clean on disk; from then
/// on every write fails.
Status freeze_root(int initramfs);
/// Makes the kernel drop unwritten data instead of writing it at power-off.
void discard_root(int initramfs);

} // namespace msb::agent
