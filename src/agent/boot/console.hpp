// The guest's console: it ends up in the sandbox's kernel.log.
#pragma once

#include <string_view>

namespace msb::agent {

/// Takes descriptor numbers 0 to 2, whether the kernel opened a console for us or not: a command's
/// streams must never get them.
void open_console();

/// One line of diagnostics.
void complain(std::string_view text);

} // namespace msb::agent
