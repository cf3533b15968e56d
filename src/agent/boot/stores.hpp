// Where container engines inside the guest keep their images.
#pragma once

namespace msb::agent {

/// Container engines stack overlays, and the kernel takes no directory of an overlay, which our root
/// is, as the upper of another. So the directories in which they keep what they stack are
/// directories of the sandbox's disk itself, beside the upper layer of the root: where the image has
/// such an engine or made the directory, and nothing is in it that would be hidden. `initramfs` is
/// what assemble_root() returned.
void mount_stores(int initramfs);

} // namespace msb::agent
