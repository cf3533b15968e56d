#include "image/platform.hpp"

#include <algorithm>
#include <array>

namespace msb::image {

namespace {

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

} // namespace

Platform Platform::host() {
#if defined(__x86_64__)
    return {.os = "linux", .architecture = "amd64", .variant = {}};
#elif defined(__aarch64__)
    return {.os = "linux", .architecture = "arm64", .variant = {}};
#endif
}

Result<Platform> Platform::parse(std::string_view text) {
    std::array<std::string_view, 3> parts;
    std::string_view rest = text;
    std::size_t count = 0;
    for (bool more = true; more; ++count) {
        const auto slash = rest.find('/');
        more = slash != std::string_view::npos;
        if (count == parts.size() || !is_word(rest.substr(0, slash)))
            return fail(Error(ErrorKind::invalid_argument,
                              "invalid platform '" + std::string(text.substr(0, 100)) + "'")
                            .with_hint("write OS/ARCHITECTURE[/VARIANT], e.g. linux/arm64"));
        parts[count] = rest.substr(0, slash);
        rest.remove_prefix(more ? slash + 1 : rest.size());
    }
    if (count == 1)
        parts = {"linux", parts[0], {}};
    if (parts[0] != "linux")
        return fail(ErrorKind::unsupported, "images for '" + std::string(parts[0]) +
                                                "' cannot be run; only linux images can");
    return Platform{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

std::string Platform::to_string() const {
    return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

bool fits(const Platform& offered, const Platform& wanted) {
    const auto same = [](const std::string& a, const std::string& b) {
        return a.empty() || b.empty() || a == b;
    };
    return same(offered.os, wanted.os) && same(offered.architecture, wanted.architecture) &&
           same(offered.variant, wanted.variant);
}

} // namespace msb::image
