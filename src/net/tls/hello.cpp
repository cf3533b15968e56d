#include "net/tls/hello.hpp"

#include "net/tls/cursor.hpp"

namespace msb::net {

namespace {

constexpr std::uint8_t client_hello = 1;
constexpr std::uint16_t extension_server_name = 0;
constexpr std::size_t longest_server_name = 255;

/// As rules have names. Nothing if it cannot be one.
std::optional<std::string> host_name(BytesView bytes) {
    if (bytes.empty() || bytes.size() > longest_server_name)
        return std::nullopt;
    std::string name;
    for (const std::uint8_t c : bytes) {
        if (c <= ' ' || c >= 0x7f)
            return std::nullopt;
        name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    if (name.back() == '.')
        name.pop_back();
    return name;
}

/// The extension's list has exactly one name, of the only type there is.
std::optional<std::string> server_name(BytesView extension) {
    Cursor cursor(extension);
    const auto list = cursor.take_list16();
    if (!list || !cursor.empty())
        return std::nullopt;
    Cursor names(*list);
    const auto type = names.take8();
    const auto name = names.take_list16();
    if (!type || *type != 0 || !name || !names.empty())
        return std::nullopt;
    return host_name(*name);
}

} // namespace

std::size_t message_size(BytesView message) {
    return message_head +
           (std::size_t{message[1]} << 16 | std::size_t{message[2]} << 8 | message[3]);
}

std::optional<std::string> asked_server(BytesView message) {
    if (message.size() < message_head || message[0] != client_hello ||
        message.size() != message_size(message))
        return std::nullopt;
    Cursor cursor(message.subspan(message_head));
    const bool whole = cursor.take(2 + 32) && cursor.take_list8()      // version, random, session
                       && cursor.take_list16() && cursor.take_list8(); // ciphers, compression
    if (!whole)
        return std::nullopt;
    if (cursor.empty())
        return std::string();
    const auto list = cursor.take_list16();
    if (!list || !cursor.empty())
        return std::nullopt;
    std::string name;
    Cursor extensions(*list);
    while (!extensions.empty()) {
        const auto type = extensions.take16();
        const auto content = extensions.take_list16();
        if (!type || !content)
            return std::nullopt;
        if (*type != extension_server_name)
            continue;
        auto one = server_name(*content);
        if (!one || !name.empty())
            return std::nullopt;
        name = std::move(*one);
    }
    return name;
}

} // namespace msb::net
