#include "net/testing/hello.hpp"

#include <algorithm>
#include <initializer_list>

namespace msb::net::testing {

namespace {

constexpr std::size_t random_size = 32;

void append16(Bytes& bytes, std::size_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

void append(Bytes& bytes, BytesView more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

Bytes name_extension(std::initializer_list<std::string_view> names) {
    Bytes list;
    for (const std::string_view name : names) {
        list.push_back(0);
        append16(list, name.size());
        append(list, as_bytes(name));
    }
    Bytes extension;
    append16(extension, 0);
    append16(extension, list.size() + 2);
    append16(extension, list.size());
    append(extension, list);
    return extension;
}

Bytes message(std::uint8_t type, BytesView body) {
    Bytes bytes{type, 0};
    append16(bytes, body.size());
    append(bytes, body);
    return bytes;
}

Bytes hello_with(BytesView extension) {
    Bytes body{3, 3};
    body.resize(2 + random_size, 0x5a);
    append(body, Bytes{2, 1, 2});       // session
    append(body, Bytes{0, 2, 0x13, 1}); // ciphers
    append(body, Bytes{1, 0});          // compression
    const Bytes versions{0, 43, 0, 3, 2, 3, 4};
    append16(body, versions.size() + extension.size());
    append(body, versions);
    append(body, extension);
    return message(1, body);
}

} // namespace

Bytes hello(std::string_view server_name) {
    return hello_with(server_name.empty() ? Bytes() : name_extension({server_name}));
}

Bytes hello_with_two_names(std::string_view first, std::string_view second) {
    return hello_with(name_extension({first, second}));
}

Bytes records(BytesView message, std::size_t piece) {
    Bytes bytes;
    while (!message.empty()) {
        const std::size_t size = std::min(piece, message.size());
        append(bytes, Bytes{22, 3, 1});
        append16(bytes, size);
        append(bytes, message.first(size));
        message = message.subspan(size);
    }
    return bytes;
}

Bytes hello_record(std::string_view server_name) {
    return records(hello(server_name), 1 << 14);
}

Bytes retry_request() {
    constexpr std::uint8_t random[random_size] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                                  0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                                  0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                                  0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    Bytes body{3, 3};
    append(body, random);
    append(body, Bytes{0, 0x13, 1, 0, 0, 0});
    return records(message(2, body), 1 << 14);
}

} // namespace msb::net::testing
