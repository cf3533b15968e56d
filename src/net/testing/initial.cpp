#include "net/testing/initial.hpp"

#include "net/quic/initial.hpp"

#include <algorithm>
#include <openssl/evp.h>

namespace msb::net::testing {

namespace {

constexpr int tag_size = 16;

void put(Bytes& bytes, BytesView more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

void put_varint16(Bytes& bytes, std::size_t value) {
    bytes.push_back(static_cast<std::uint8_t>(0x40 | value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

void put_number(Bytes& bytes, std::uint32_t number, std::size_t size) {
    for (std::size_t i = size; i-- > 0;)
        bytes.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
}

Bytes encrypt(const quic::ClientKeys& keys, std::uint32_t number, BytesView header,
              BytesView plain) {
    auto nonce = keys.iv;
    for (std::size_t i = 0; i < 4; ++i)
        nonce[11 - i] ^= static_cast<std::uint8_t>(number >> (8 * i));
    Bytes sealed(plain.size() + tag_size);
    EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
    int size = 0;
    EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, keys.key.data(), nonce.data());
    EVP_EncryptUpdate(context, nullptr, &size, header.data(), static_cast<int>(header.size()));
    EVP_EncryptUpdate(context, sealed.data(), &size, plain.data(), static_cast<int>(plain.size()));
    EVP_EncryptFinal_ex(context, nullptr, &size);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, sealed.data() + plain.size());
    EVP_CIPHER_CTX_free(context);
    return sealed;
}

Bytes mask_of(const quic::ClientKeys& keys, BytesView sample) {
    Bytes mask(32);
    EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
    int size = 0;
    EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, keys.header.data(), nullptr);
    EVP_EncryptUpdate(context, mask.data(), &size, sample.data(), 16);
    EVP_CIPHER_CTX_free(context);
    return mask;
}

} // namespace

Bytes seal(const Initial& initial, BytesView frames) {
    const auto keys = quic::client_keys(initial.version, initial.first.empty() ? initial.destination
                                                                               : initial.first);
    const unsigned type = initial.version == quic::version2 ? 0xd0 : 0xc0;
    Bytes packet{static_cast<std::uint8_t>(type | (initial.number_size - 1))};
    put_number(packet, initial.version, 4);
    packet.push_back(static_cast<std::uint8_t>(initial.destination.size()));
    put(packet, initial.destination);
    put(packet, Bytes{0, 0}); // no id of the client's, no token
    const std::size_t head = packet.size() + 2 + initial.number_size;
    Bytes plain(frames.begin(), frames.end());
    plain.resize(std::max(
        {plain.size(), std::size_t{4}, initial.size - std::min(initial.size, head + tag_size)}));
    put_varint16(packet, initial.number_size + plain.size() + tag_size);
    put_number(packet, initial.number, initial.number_size);
    const Bytes sealed = encrypt(keys, initial.number, packet, plain);
    const Bytes mask = mask_of(keys, BytesView(sealed).subspan(4 - initial.number_size));
    packet[0] = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & 0x0f));
    for (std::size_t i = 0; i < initial.number_size; ++i)
        packet[head - initial.number_size + i] ^= mask[1 + i];
    put(packet, sealed);
    return packet;
}

Bytes crypto_frame(std::uint16_t offset, BytesView data) {
    Bytes frame{6};
    put_varint16(frame, offset);
    put_varint16(frame, data.size());
    put(frame, data);
    return frame;
}

} // namespace msb::net::testing
