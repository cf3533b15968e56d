#include "engine/kvm/arch/x86_64/aml.hpp"

namespace msb::engine::kvm::aml {

namespace {

constexpr std::uint8_t op_name = 0x08, op_byte = 0x0a, op_word = 0x0b, op_dword = 0x0c,
                       op_string = 0x0d, op_scope = 0x10, op_buffer = 0x11, op_package = 0x12,
                       op_extended = 0x5b, op_device = 0x82;

Bytes byte(std::uint8_t value) {
    return {value};
}

template <std::unsigned_integral T> Bytes number(T value) {
    Bytes out(sizeof(T));
    store_le(out, value);
    return out;
}

/// §20.2.4: the length counts the bytes it is written in; up to 63 there is one, up to 4095 two.
Bytes with_length(BytesView content) {
    const std::size_t one = content.size() + 1;
    if (one < 64)
        return join({byte(static_cast<std::uint8_t>(one)), content});
    const std::size_t extra = content.size() + 2 < 4096 ? 1 : 2;
    const std::size_t length = content.size() + 1 + extra;
    Bytes out = byte(static_cast<std::uint8_t>(extra << 6 | (length & 15)));
    for (std::size_t i = 0; i < extra; ++i)
        out.push_back(static_cast<std::uint8_t>(length >> (4 + 8 * i)));
    return join({out, content});
}

} // namespace

Bytes join(std::initializer_list<BytesView> parts) {
    Bytes out;
    for (const BytesView part : parts)
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

Bytes integer(std::uint32_t value) {
    if (value <= 1)
        return byte(static_cast<std::uint8_t>(value)); // ZeroOp, OneOp
    if (value <= 0xff)
        return {op_byte, static_cast<std::uint8_t>(value)};
    if (value <= 0xffff)
        return join({byte(op_word), number(static_cast<std::uint16_t>(value))});
    return join({byte(op_dword), number(value)});
}

Bytes text(std::string_view value) {
    return join({byte(op_string), as_bytes(value), byte(0)});
}

Bytes eisa_id(std::string_view id) {
    // Three letters of five bits and four hexadecimal digits, the most significant byte first.
    std::uint32_t packed = 0;
    for (std::size_t i = 0; i < 3; ++i)
        packed = packed << 5 | static_cast<std::uint32_t>(id[i] - 0x40);
    for (std::size_t i = 3; i < 7; ++i)
        packed =
            packed << 4 | static_cast<std::uint32_t>(id[i] <= '9' ? id[i] - '0' : id[i] - 'A' + 10);
    return integer(__builtin_bswap32(packed));
}

Bytes package(std::initializer_list<BytesView> elements) {
    return join(
        {byte(op_package),
         with_length(join({byte(static_cast<std::uint8_t>(elements.size())), join(elements)}))});
}

Bytes name(std::string_view name, BytesView value) {
    return join({byte(op_name), as_bytes(name), value});
}

Bytes scope(std::string_view name, BytesView content) {
    return join({byte(op_scope), with_length(join({as_bytes(name), content}))});
}

Bytes device(std::string_view name, BytesView content) {
    return join({byte(op_extended), byte(op_device), with_length(join({as_bytes(name), content}))});
}

Bytes resources(std::initializer_list<BytesView> descriptors) {
    constexpr std::uint8_t end_tag[] = {0x79, 0}; // 0: the checksum is not used
    const Bytes list = join({join(descriptors), end_tag});
    return join({byte(op_buffer),
                 with_length(join({integer(static_cast<std::uint32_t>(list.size())), list}))});
}

Bytes memory(std::uint32_t address, std::uint32_t size) {
    constexpr std::uint8_t head[] = {0x86, 9, 0, 1}; // Memory32Fixed, read and write
    return join({head, number(address), number(size)});
}

Bytes ports(std::uint16_t first, std::uint8_t count) {
    constexpr std::uint8_t head[] = {0x47, 1}; // I/O port descriptor, 16 bits decoded
    const std::uint8_t alignment_and_count[] = {1, count};
    return join({head, number(first), number(first), alignment_and_count});
}

Bytes interrupt(std::uint32_t number_of) {
    constexpr std::uint8_t consumer = 1, edge = 2;
    constexpr std::uint8_t head[] = {0x89, 6, 0, consumer | edge, 1}; // one interrupt
    return join({head, number(number_of)});
}

} // namespace msb::engine::kvm::aml
