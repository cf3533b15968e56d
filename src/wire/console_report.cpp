#include "wire/console_report.hpp"

#include "base/bytes.hpp"
#include "wire/frame.hpp"

namespace msb::wire {

namespace {
constexpr std::string_view marker = "boot report: ";
}

std::string console_boot_report(const BootFailed& failed) {
    return std::string(marker) + to_base64(encode_message(0, failed));
}

std::optional<BootFailed> find_console_boot_report(std::string_view console) {
    const auto at = console.rfind(marker);
    if (at == std::string_view::npos)
        return std::nullopt;
    console.remove_prefix(at + marker.size());
    const auto bytes = from_base64(console.substr(0, console.find_first_of("\r\n")));
    if (!bytes)
        return std::nullopt;
    FrameReader reader;
    reader.feed(*bytes);
    const auto frame = reader.next();
    if (!frame || !*frame)
        return std::nullopt;
    auto failed = decode_body<BootFailed>((*frame)->body);
    return failed ? std::optional(std::move(*failed)) : std::nullopt;
}

} // namespace msb::wire
