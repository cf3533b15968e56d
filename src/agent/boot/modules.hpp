// Kernels that have drivers as modules. The initramfs brings them in /modules, with the lists that
// depmod(8) makes (modules.dep, modules.alias, ...) and the file "order".
//
// Those that a boot needs are inserted then. The rest is there for the kernel and for programs: the
// kernel asks for what it lacks by running kernel.modprobe, which we make this program, and an image
// that has a modprobe of its own finds the modules in /lib/modules/RELEASE.
#pragma once

#include "base/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msb::agent {

/// Inserts the modules listed in /modules/order, if there is such a list, and forgets their files.
Status load_modules();

/// Makes what is left in the initramfs' /modules known to kernel and image; see above. Not having
/// done so only means that a feature is missing, so nothing is reported. `initramfs` is its root
/// directory; /.msb is there.
void offer_modules(int initramfs);

/// Whether this program was started as kernel.modprobe: by its name.
bool is_modprobe(std::span<char* const> arguments);
/// Does its work, and returns its exit code.
int run_modprobe(std::span<char* const> arguments);

/// File names of the modules to insert for `name`, a module's or an alias, in this order; none if
/// there is no such module. `dependencies` and `aliases` are the content of modules.dep and
/// modules.alias.
std::vector<std::string> modules_for(std::string_view name, std::string_view dependencies,
                                     std::string_view aliases);

} // namespace msb::agent
