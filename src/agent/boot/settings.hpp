// Settings of the guest's kernel, and modes of its devices, that differ from its defaults.
#pragma once

namespace msb::agent {

/// Values that containers have and that programs and images rely on. A setting that the kernel does
/// not have is skipped.
void apply_settings();

} // namespace msb::agent
