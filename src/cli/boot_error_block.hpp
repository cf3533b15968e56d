// The block that a failed start prints, and `msb logs` prints again.
#pragma once

#include "spec/boot_error.hpp"

#include <string>

namespace msb::cli {

/// `has_logs`: the sandbox is still there, and so are its logs.
void print_boot_error(const BootError& error, const std::string& name, bool has_logs);

} // namespace msb::cli
