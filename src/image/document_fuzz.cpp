// Any text as index, manifest and configuration. Input: a manifest or index, a zero byte, a
// configuration.
#include "image/document.hpp"
#include "json/text.hpp"

using namespace msb;
using namespace msb::image;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto zero = text.find('\0');
    const std::string first(text.substr(0, zero));
    const std::string second(zero == std::string_view::npos ? "" : text.substr(zero + 1));
    const auto document = parse_json_object(first, "document");
    if (!document)
        return 0;
    if (is_index(*document)) {
        if (const auto entries = parse_index(*document)) {
            (void)choose_platform(*entries, {"linux", "amd64", ""});
            (void)platforms_of(*entries);
        }
        return 0;
    }
    const auto manifest = parse_manifest(*document);
    if (!manifest)
        return 0;
    auto plan = make_plan(*manifest, first, second, {"linux", "amd64", ""});
    if (!plan)
        return 0;
    // The way from a worker to its parent loses nothing. Text that is not UTF-8 is replaced on it.
    const std::string sent = json::to_text(encode(*plan));
    const auto received = decode_plan(*parse_json_object(sent, "plan"));
    if (!received || json::to_text(encode(*received)) != sent)
        __builtin_trap();
    return 0;
}
