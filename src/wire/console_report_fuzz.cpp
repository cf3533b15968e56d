// A console is any bytes at all. What is found in it can be sent again and is found again.
#include "wire/console_report.hpp"

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string console(as_text({data, size}));
    const auto found = wire::find_console_boot_report(console);
    if (!found)
        return 0;
    const auto again =
        wire::find_console_boot_report(console + wire::console_boot_report(*found) + "\r\n");
    if (!again || again->stage != found->stage || again->message != found->message ||
        again->sys_errno != found->sys_errno)
        __builtin_trap();
    return 0;
}
