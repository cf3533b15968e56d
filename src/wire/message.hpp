// What the messages of protocol generation 7 have in common; each is a struct in one of the
// *_messages.hpp.
//
// Member names are the keys on the wire. A std::optional that is empty is sent as null, or left
// out where noted "omitted"; receivers accept both for every optional, any key order, and ignore
// keys they do not know. Defaults here are what a receiver assumes for an absent key.
// decode() fails with ErrorKind::protocol (limit_exceeded for excessive lists or nesting).
//
// Names and fields marked "new" are additions of this project: peers that do not know them never
// see the messages and ignore the fields.
#pragma once

#include "wire/cbor.hpp"
#include "wire/frame.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace msb::wire {

/// Declares what every message struct has.
#define MSB_WIRE_MESSAGE(Name, type_name, introduced, type_flags)                                  \
    static constexpr std::string_view type = type_name;                                            \
    static constexpr std::uint8_t min_generation = introduced;                                     \
    static constexpr std::uint8_t flags = type_flags;                                              \
    void encode(cbor::Writer& writer) const;                                                       \
    static Result<Name> decode(BytesView payload)

/// {"data": bytes} without a copy: `data` points to the caller's bytes when encoding and into the
/// decoded payload otherwise (or to `owner`, if the string came in pieces).
#define MSB_WIRE_DATA_MESSAGE(Name, type_name, introduced)                                         \
    struct Name {                                                                                  \
        BytesView data;                                                                            \
        std::shared_ptr<const Bytes> owner{};                                                      \
        MSB_WIRE_MESSAGE(Name, type_name, introduced, 0);                                          \
    }

/// What is fixed about a published message name.
struct MessageType {
    std::string_view name;
    std::uint8_t min_generation;
    std::uint8_t flags;
};
/// Nothing for a name that generation 7 (with this project's additions) does not have.
const MessageType* find_message_type(std::string_view name);

/// {"data": bytes}: can be sent from where the bytes are.
template <typename M>
concept DataMessage = requires(const M& message) { message.owner; };

/// Appends a frame up to its data, exactly `size` bytes of which must follow.
template <DataMessage M> void append_data_head(Bytes& out, std::uint32_t id, std::size_t size) {
    begin_frame(out, id, M::flags, M::type, 1 + 5 + cbor::head_size(size) + size);
    cbor::Writer writer(out);
    writer.map(1);
    writer.text("data");
    writer.bytes_head(size);
}

/// Appends one frame. The sender keeps it within max_frame_size; data messages of up to 3 MiB do.
template <typename M> void append_message(Bytes& out, std::uint32_t id, const M& message) {
    if constexpr (DataMessage<M>) {
        append_data_head<M>(out, id, message.data.size());
        out.insert(out.end(), message.data.begin(), message.data.end());
    } else {
        Bytes payload;
        cbor::Writer writer(payload);
        message.encode(writer);
        begin_frame(out, id, M::flags, M::type, payload.size());
        out.insert(out.end(), payload.begin(), payload.end());
    }
}

template <typename M> Bytes encode_message(std::uint32_t id, const M& message) {
    Bytes out;
    append_message(out, id, message);
    return out;
}

/// Decodes the whole body of a frame that must be an M; `protocol` if it has another type.
template <typename M> Result<M> decode_body(BytesView body) {
    const Envelope envelope = MSB_TRY(decode_envelope(body));
    if (envelope.type != M::type)
        return fail(ErrorKind::protocol, "expected " + std::string(M::type) + ", received '" +
                                             std::string(envelope.type) + "'");
    return M::decode(envelope.payload);
}

} // namespace msb::wire
