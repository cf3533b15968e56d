#include "net/quic/initial.hpp"

#include "net/tls/cursor.hpp"

#include <algorithm>
#include <memory>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string>
#include <string_view>

namespace msb::net::quic {

namespace {

constexpr std::size_t tag_size = 16, sample_size = 16;
/// RFC 9001 §5.4.2: the sample lies where a packet number of four bytes would end.
constexpr std::size_t longest_number = 4;

using Secret = std::array<std::uint8_t, 32>;
using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

/// RFC 9001 §5.2 and RFC 9369 §3.3.1.
constexpr std::array<std::uint8_t, 20> salt1 = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34,
                                                0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
                                                0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr std::array<std::uint8_t, 20> salt2 = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6,
                                                0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
                                                0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

/// The library needs no configuration for this, and there are no files to read one from.
void prepare_library() {
    static const int done = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    (void)done;
}

/// HKDF-Extract (RFC 5869) is this alone, and so is HKDF-Expand of no more than one hash.
Secret hmac(BytesView key, BytesView data) {
    Secret result{};
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(),
         result.data(), nullptr);
    return result;
}

/// HKDF-Expand-Label without a context (RFC 8446 §7.1), into all of `out`.
void expand(const Secret& secret, std::string_view label, MutableBytesView out) {
    const std::string name = "tls13 " + std::string(label);
    Bytes info{0, static_cast<std::uint8_t>(out.size()), static_cast<std::uint8_t>(name.size())};
    info.insert(info.end(), name.begin(), name.end());
    info.insert(info.end(), {0, 1}); // no context; the first block
    std::ranges::copy_n(hmac(secret, info).begin(), static_cast<std::ptrdiff_t>(out.size()),
                        out.begin());
}

/// RFC 9001 §5.4.3: what the first byte and the packet number are mixed with.
std::optional<std::array<std::uint8_t, 16>> header_mask(const ClientKeys& keys, BytesView sample) {
    const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    std::array<std::uint8_t, 16> mask{};
    int size = 0;
    if (!context ||
        EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, keys.header.data(),
                           nullptr) != 1 ||
        EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
        EVP_EncryptUpdate(context.get(), mask.data(), &size, sample.data(),
                          static_cast<int>(sample.size())) != 1)
        return std::nullopt;
    return mask;
}

std::optional<Bytes> decrypt(const ClientKeys& keys, std::uint32_t number, BytesView header,
                             BytesView sealed) {
    auto nonce = keys.iv; // RFC 9001 §5.3
    for (std::size_t i = 0; i < 4; ++i)
        nonce[nonce.size() - 1 - i] ^= static_cast<std::uint8_t>(number >> (8 * i));
    const BytesView body = sealed.first(sealed.size() - tag_size);
    Bytes tag(sealed.end() - tag_size, sealed.end());
    Bytes plain(body.size());
    const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    int size = 0;
    if (!context ||
        EVP_DecryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, keys.key.data(),
                           nonce.data()) != 1 ||
        EVP_DecryptUpdate(context.get(), nullptr, &size, header.data(),
                          static_cast<int>(header.size())) != 1 ||
        EVP_DecryptUpdate(context.get(), plain.data(), &size, body.data(),
                          static_cast<int>(body.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) != 1 ||
        EVP_DecryptFinal_ex(context.get(), nullptr, &size) != 1)
        return std::nullopt;
    return plain;
}

/// Whether a number of `size` bytes stands for itself, where `expected` comes next (RFC 9000 §A.3).
/// A receiver that missed some of what we saw takes it for the same then.
bool stands_for_itself(std::uint32_t number, std::size_t size, std::uint64_t expected) {
    const std::uint64_t half = std::uint64_t{1} << (8 * size - 1);
    return number + half > expected;
}

} // namespace

std::optional<LongPacket> take_long_packet(BytesView& datagram) {
    constexpr std::uint8_t long_header = 0x80;
    Cursor cursor(datagram);
    const auto first = cursor.take8();
    const auto version = cursor.take(4);
    const auto destination = cursor.take_list8();
    const auto source = cursor.take_list8();
    if (!first || (*first & long_header) == 0 || !version || !destination || !source ||
        destination->size() > longest_id || source->size() > longest_id)
        return std::nullopt;
    LongPacket packet{.version = load_be<std::uint32_t>(*version), .destination = *destination};
    // RFC 9000 §17.2, RFC 9369 §3.2. Only servers send the fourth type, which has no length.
    const unsigned type = *first >> 4 & 3;
    const bool two = packet.version == version2;
    if ((packet.version != version1 && !two) || type == (two ? 0U : 3U))
        return std::nullopt;
    packet.initial = type == (two ? 1U : 0U);
    if (packet.initial) {
        const auto token_size = cursor.take_varint();
        if (!token_size || !cursor.take(*token_size))
            return std::nullopt;
    }
    const auto length = cursor.take_varint();
    packet.protected_at = datagram.size() - cursor.left().size();
    if (!length || !cursor.take(*length))
        return std::nullopt;
    if (packet.initial && *length < longest_number + sample_size)
        return std::nullopt;
    packet.bytes = datagram.first(packet.protected_at + *length);
    datagram = cursor.left();
    return packet;
}

ClientKeys client_keys(std::uint32_t version, BytesView destination) {
    prepare_library();
    const bool two = version == version2;
    const Secret initial = hmac(two ? salt2 : salt1, destination);
    Secret secret{};
    expand(initial, "client in", secret);
    ClientKeys keys;
    expand(secret, two ? "quicv2 key" : "quic key", keys.key);
    expand(secret, two ? "quicv2 iv" : "quic iv", keys.iv);
    expand(secret, two ? "quicv2 hp" : "quic hp", keys.header);
    return keys;
}

std::optional<OpenedPacket> open(const LongPacket& packet, const ClientKeys& keys,
                                 std::uint64_t expected) {
    const auto mask =
        header_mask(keys, packet.bytes.subspan(packet.protected_at + longest_number, sample_size));
    if (!mask)
        return std::nullopt;
    Bytes header(packet.bytes.begin(),
                 packet.bytes.begin() +
                     static_cast<std::ptrdiff_t>(packet.protected_at + longest_number));
    header[0] = static_cast<std::uint8_t>(header[0] ^ ((*mask)[0] & 0x0f));
    const std::size_t size = (header[0] & 3U) + 1;
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < size; ++i) {
        header[packet.protected_at + i] ^= (*mask)[1 + i];
        number = number << 8 | header[packet.protected_at + i];
    }
    header.resize(packet.protected_at + size);
    if (!stands_for_itself(number, size, expected))
        return std::nullopt;
    auto frames = decrypt(keys, number, header, packet.bytes.subspan(header.size()));
    if (!frames)
        return std::nullopt;
    return OpenedPacket{number, std::move(*frames)};
}

} // namespace msb::net::quic
