// How a guest whose boot fails before it can reach the host says why: one line on its console,
// which the host looks for when the guest has ended.
#pragma once

#include "wire/messages.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace msb::wire {

/// The line without its end. One of less than 1.5 KiB of message fits what the host keeps.
std::string console_boot_report(const BootFailed& failed);
/// The last report in the end of a console's output.
std::optional<BootFailed> find_console_boot_report(std::string_view console);

} // namespace msb::wire
