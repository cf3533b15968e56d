// Settings of the guest's kernel that differ from its defaults.
#pragma once

namespace msb::agent {

/// As containers have them: programs and images rely on it. A kernel without one of them has
/// nothing to set.
void apply_settings();

} // namespace msb::agent
