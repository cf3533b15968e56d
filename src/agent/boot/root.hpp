// The root file system: devices, overlay, and the mounts that programs expect.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "wire/bootstrap.hpp"

#include <string>

namespace msb::agent {

/// Inserts the modules listed in /modules/order, if there is such a list.
Status load_modules();

/// Mounts what the image is on: the read-only lower, or the whole disk.
Status mount_image(const wire::BlockRoot& root);
/// Makes `root`, whose image is mounted, the root directory of this process and of everything it
/// starts. Returns the initramfs, where the parts of the root are mounted.
Result<OwnedFd> assemble_root(const wire::BlockRoot& root, bool ephemeral);

/// mount(2) that makes the missing mount point first and says what failed.
Status mount_at(const char* source, const std::string& target, const char* type,
                unsigned long flags, const char* options = nullptr);

/// /dev, /proc, /sys and their kin. What this kernel lacks and programs can miss is left out.
Status mount_system();
/// /run (in memory for an init only), /tmp, /var/tmp and the memory file systems the host asked
/// for.
Status mount_writable(const wire::Bootstrap& bootstrap);

/// Unmounts the root, so that everything in it is durable and consistent. Nothing may run any more
/// and nothing in it may be open. `initramfs` is what assemble_root() returned.
Status save_root(int initramfs);
/// The same while an init system keeps the root in use: from here on it is clean on disk, and every
/// write fails.
Status freeze_root(int initramfs);
/// Makes the kernel forget what is not written yet instead of writing it at power-off.
void discard_root(int initramfs);

} // namespace msb::agent
