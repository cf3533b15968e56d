// Defines the members that MSB_WIRE_MESSAGE declares; private to this folder.
#pragma once

#include "wire/fields.hpp"
#include "wire/message.hpp"

#include <memory>

namespace msb::wire {

template <typename M> Result<M> decode_message(BytesView payload) {
    cbor::Reader reader(payload);
    M message;
    MSB_TRY(decode_structure(reader, message));
    if (!reader.at_end())
        return bad_value("bytes after the end of the payload");
    return message;
}

template <typename M> Result<M> decode_data_message(BytesView payload) {
    cbor::Reader reader(payload);
    M message;
    bool found = false;
    cbor::Container map = MSB_TRY(reader.map());
    while (MSB_TRY(reader.next(map))) {
        Bytes joined_key;
        const bool is_text = MSB_TRY(reader.peek()) == cbor::Kind::text;
        if (!is_text || MSB_TRY(reader.text(joined_key)) != "data") {
            if (!is_text)
                MSB_TRY(reader.skip());
            MSB_TRY(reader.skip());
            continue;
        }
        Bytes joined;
        message.data = MSB_TRY(reader.bytes(joined));
        if (!joined.empty()) // came in pieces; moving keeps what `data` points to
            message.owner = std::make_shared<const Bytes>(std::move(joined));
        found = true;
    }
    if (!found || !reader.at_end())
        return bad_value(found ? "bytes after the end of the payload" : "'data' is missing");
    return message;
}

#define MSB_WIRE_CODEC(Name)                                                                       \
    void Name::encode(cbor::Writer& writer) const {                                                \
        encode_structure(writer, *this);                                                           \
    }                                                                                              \
    Result<Name> Name::decode(BytesView payload) {                                                 \
        return decode_message<Name>(payload);                                                      \
    }

#define MSB_WIRE_DATA_CODEC(Name)                                                                  \
    void Name::encode(cbor::Writer& writer) const {                                                \
        writer.map(1);                                                                             \
        writer.text("data");                                                                       \
        writer.bytes(data);                                                                        \
    }                                                                                              \
    Result<Name> Name::decode(BytesView payload) {                                                 \
        return decode_data_message<Name>(payload);                                                 \
    }

/// Fields<Name> of a struct without members, and of one whose visit() body follows.
#define MSB_WIRE_EMPTY(Name)                                                                       \
    template <> struct Fields<Name> {                                                              \
        static void visit(auto&, auto&) {}                                                         \
    };
#define MSB_WIRE_FIELDS(Name, ...)                                                                 \
    template <> struct Fields<Name> {                                                              \
        static void visit(auto& m, auto& f) {                                                      \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    };

} // namespace msb::wire
