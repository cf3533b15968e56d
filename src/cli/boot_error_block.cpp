#include "cli/boot_error_block.hpp"

#include "cli/output.hpp"

namespace msb::cli {

void print_boot_error(const BootError& error, const std::string& name, bool has_logs) {
    std::vector<std::string> hints = {error.stage + ": " + error.message};
    if (!error.hint.empty())
        hints.push_back(error.hint);
    if (has_logs)
        hints.push_back("run `msb logs --source system " + name + "` for full diagnostics");
    print_error("failed to start \"" + name + "\"", hints);
}

} // namespace msb::cli
