// The guest's console: it ends up in the sandbox's kernel.log.
#pragma once

#include <string_view>

namespace msb::agent {

/// Opens the console as descriptors 0 to 2, whether or not the kernel did so: a command's streams
/// must never get these numbers.
void open_console();

/// One line of diagnostics.
void complain(std::string_view text);

} // namespace msb::agent
