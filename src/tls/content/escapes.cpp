#include "tls/content/escapes.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace msb::tls {

std::string percent_encoded(std::string_view text, bool upper_case) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        const auto byte = static_cast<unsigned char>(c);
        if (plain)
            out += c;
        else
            out += upper_case ? fmt::format("%{:02X}", byte) : fmt::format("%{:02x}", byte);
    }
    return out;
}

std::string json_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    return out;
}

std::vector<std::string> within_base64(std::string_view text) {
    constexpr std::size_t bits = 6, byte_bits = 8, group = 3;
    std::vector<std::string> forms;
    for (std::size_t before = 0; before < group; ++before) {
        const std::string whole =
            to_base64(as_bytes(std::string(before, '\0') + std::string(text)));
        const std::size_t first = (before * byte_bits + bits - 1) / bits;
        const std::size_t end = (before + text.size()) * byte_bits / bits;
        std::string form = whole.substr(first, end - first);
        std::string of_urls = form;
        std::ranges::replace(of_urls, '+', '-');
        std::ranges::replace(of_urls, '/', '_');
        if (of_urls != form)
            forms.push_back(std::move(of_urls));
        forms.push_back(std::move(form));
    }
    return forms;
}

} // namespace msb::tls
