// How structs become CBOR maps and back; private to this folder.
//
// A struct says once, in Fields<T>::visit, which key each member has and what its absence means:
//   required    always written; decoding fails without it
//   defaulted   always written; a missing or null key leaves the default
//   nullable    std::optional, written as null when empty
//   omittable   std::optional, vector or string, left out when empty; bool, left out when false
// Encoding visits twice (count, write). Decoding visits once per key found; that is quadratic in
// the number of members, which is below 20, and needs no tables.
#pragma once

#include "wire/cbor.hpp"

#include <array>
#include <concepts>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

namespace msb::wire {

template <typename T> struct Fields; // static void visit(auto& object, auto& visitor)

/// Names of an enum's values in order (unit variants) or of a variant's alternatives.
template <typename T> struct Names; // static constexpr std::array<std::string_view, N> values

/// Most elements a decoded list may have. One element costs one byte on the wire and up to 100 in
/// memory; this bounds the amplification, and no legal list comes near it.
inline constexpr std::size_t max_list = 131'072;

template <typename T>
concept Structure = requires { sizeof(Fields<T>); };
template <typename T> inline constexpr bool is_optional = false;
template <typename T> inline constexpr bool is_optional<std::optional<T>> = true;
template <typename T> inline constexpr bool is_vector = false;
template <typename T> inline constexpr bool is_vector<std::vector<T>> = true;
template <typename T> inline constexpr bool is_octets = false;
template <std::size_t N> inline constexpr bool is_octets<std::array<std::uint8_t, N>> = true;
template <typename T> inline constexpr bool is_variant = false;
template <typename... T> inline constexpr bool is_variant<std::variant<T...>> = true;

template <Structure T> void encode_structure(cbor::Writer& writer, const T& object);
template <Structure T> Status decode_structure(cbor::Reader& reader, T& object);

template <typename T> void encode_value(cbor::Writer& writer, const T& value) {
    if constexpr (std::same_as<T, bool>) {
        writer.boolean(value);
    } else if constexpr (std::is_enum_v<T>) {
        writer.text(Names<T>::values[static_cast<std::size_t>(value)]);
    } else if constexpr (std::signed_integral<T>) {
        writer.integer(value);
    } else if constexpr (std::unsigned_integral<T>) {
        writer.uint(value);
    } else if constexpr (std::same_as<T, std::string>) {
        writer.text(value);
    } else if constexpr (std::same_as<T, Bytes>) {
        writer.bytes(value);
    } else if constexpr (is_octets<T>) {
        writer.array(value.size());
        for (const std::uint8_t byte : value)
            writer.uint(byte);
    } else if constexpr (is_vector<T>) {
        writer.array(value.size());
        for (const auto& element : value)
            encode_value(writer, element);
    } else if constexpr (is_variant<T>) {
        writer.map(1);
        writer.text(Names<T>::values[value.index()]);
        std::visit([&](const auto& alternative) { encode_value(writer, alternative); }, value);
    } else {
        encode_structure(writer, value);
    }
}

inline std::unexpected<Error> bad_value(std::string what) {
    return fail(ErrorKind::protocol, std::move(what));
}

template <typename T> Status decode_value(cbor::Reader& reader, T& value);

template <typename T> Status decode_enum(cbor::Reader& reader, T& value) {
    Bytes joined;
    const std::string_view name = MSB_TRY(reader.text(joined));
    for (std::size_t i = 0; i < Names<T>::values.size(); ++i)
        if (Names<T>::values[i] == name) {
            value = static_cast<T>(i);
            return {};
        }
    // A newer peer may know values that we do not; an enum says so by a value to fall back to.
    if constexpr (requires { Names<T>::fallback; }) {
        value = Names<T>::fallback;
        return {};
    }
    return bad_value("unknown value '" + std::string(name) + "'");
}

template <typename T, std::size_t I = 0>
Status decode_alternative(cbor::Reader& reader, T& value, std::string_view name) {
    if constexpr (I == std::variant_size_v<T>) {
        return fail(ErrorKind::unsupported, "unknown variant '" + std::string(name) + "'");
    } else if (Names<T>::values[I] == name) {
        return decode_value(reader, value.template emplace<I>());
    } else {
        return decode_alternative<T, I + 1>(reader, value, name);
    }
}

template <typename T> Status decode_variant(cbor::Reader& reader, T& value) {
    cbor::Container map = MSB_TRY(reader.map());
    if (!MSB_TRY(reader.next(map)))
        return bad_value("a variant is missing");
    Bytes joined;
    const std::string_view name = MSB_TRY(reader.text(joined));
    MSB_TRY(decode_alternative(reader, value, name));
    if (MSB_TRY(reader.next(map)))
        return bad_value("more than one variant");
    return {};
}

template <typename T> Status decode_list(cbor::Reader& reader, T& list) {
    list.clear();
    cbor::Container array = MSB_TRY(reader.array());
    while (MSB_TRY(reader.next(array))) {
        if (list.size() == max_list)
            return fail(ErrorKind::limit_exceeded, "a list is too long");
        MSB_TRY(decode_value(reader, list.emplace_back()));
    }
    return {};
}

template <typename T> Status decode_octets(cbor::Reader& reader, T& octets) {
    cbor::Container array = MSB_TRY(reader.array());
    for (std::uint8_t& octet : octets) {
        if (!MSB_TRY(reader.next(array)))
            return bad_value("an address is too short");
        MSB_TRY(decode_value(reader, octet));
    }
    if (MSB_TRY(reader.next(array)))
        return bad_value("an address is too long");
    return {};
}

template <typename T> Status decode_value(cbor::Reader& reader, T& value) {
    if constexpr (std::same_as<T, bool>) {
        value = MSB_TRY(reader.boolean());
    } else if constexpr (std::is_enum_v<T>) {
        return decode_enum(reader, value);
    } else if constexpr (std::integral<T>) {
        const auto number = [&] {
            if constexpr (std::signed_integral<T>)
                return reader.integer();
            else
                return reader.uint();
        }();
        if (!number)
            return fail(number.error());
        if (!std::in_range<T>(*number))
            return bad_value("integer out of range");
        value = static_cast<T>(*number);
    } else if constexpr (std::same_as<T, std::string>) {
        Bytes joined;
        value = MSB_TRY(reader.text(joined));
    } else if constexpr (std::same_as<T, Bytes>) {
        Bytes joined;
        const BytesView bytes = MSB_TRY(reader.bytes(joined));
        value.assign(bytes.begin(), bytes.end());
    } else if constexpr (is_octets<T>) {
        return decode_octets(reader, value);
    } else if constexpr (is_vector<T>) {
        return decode_list(reader, value);
    } else if constexpr (is_variant<T>) {
        return decode_variant(reader, value);
    } else {
        return decode_structure(reader, value);
    }
    return {};
}

/// What `omittable` leaves out.
template <typename T> bool is_absent(const T& value) {
    if constexpr (is_optional<T>)
        return !value.has_value();
    else if constexpr (std::same_as<T, bool>)
        return !value;
    else
        return value.empty();
}

struct CountFields {
    std::size_t count = 0;
    void required(std::string_view, const auto&) { ++count; }
    void defaulted(std::string_view, const auto&) { ++count; }
    void nullable(std::string_view, const auto&) { ++count; }
    template <typename T> void omittable(std::string_view, const T& value) {
        count += is_absent(value) ? 0 : 1;
    }
};

struct WriteFields {
    cbor::Writer& writer;
    void required(std::string_view key, const auto& value) {
        writer.text(key);
        encode_value(writer, value);
    }
    void defaulted(std::string_view key, const auto& value) { required(key, value); }
    void nullable(std::string_view key, const auto& value) {
        if (value) {
            required(key, *value);
        } else {
            writer.text(key);
            writer.null();
        }
    }
    template <typename T> void omittable(std::string_view key, const T& value) {
        if (is_absent(value))
            return;
        if constexpr (is_optional<T>)
            required(key, *value);
        else
            required(key, value);
    }
};

/// Decodes the value of one key into the member that has this key, if there is one.
struct ReadField {
    cbor::Reader& reader;
    std::string_view key;
    std::uint32_t seen = 0; ///< bit i: the i-th visited member was found, over all keys
    unsigned index = 0;
    bool matched = false;
    Status status{};

    template <typename T> void read(std::string_view name, T& value, bool required) {
        const std::uint32_t bit = 1U << index++;
        if (matched || name != key)
            return;
        matched = true;
        seen |= bit;
        status = read_value(value, required);
        if (!status)
            status = fail(std::move(status).error().wrap("'" + std::string(name) + "'"));
    }
    template <typename T> Status read_value(T& value, bool required) {
        if (!required && MSB_TRY(reader.peek()) == cbor::Kind::null)
            return reader.null();
        if constexpr (is_optional<T>)
            return decode_value(reader, value.emplace());
        else
            return decode_value(reader, value);
    }
    void required(std::string_view name, auto& value) { read(name, value, true); }
    void defaulted(std::string_view name, auto& value) { read(name, value, false); }
    void nullable(std::string_view name, auto& value) { read(name, value, false); }
    void omittable(std::string_view name, auto& value) { read(name, value, false); }
};

struct CheckRequired {
    std::uint32_t seen;
    unsigned index = 0;
    Status status{};
    void required(std::string_view name, const auto&) {
        if ((seen & 1U << index++) == 0 && status)
            status = bad_value("'" + std::string(name) + "' is missing");
    }
    void defaulted(std::string_view, const auto&) { ++index; }
    void nullable(std::string_view, const auto&) { ++index; }
    void omittable(std::string_view, const auto&) { ++index; }
};

template <Structure T> void encode_structure(cbor::Writer& writer, const T& object) {
    CountFields counter;
    Fields<T>::visit(object, counter);
    writer.map(counter.count);
    WriteFields fields{writer};
    Fields<T>::visit(object, fields);
}

template <Structure T> Status decode_structure(cbor::Reader& reader, T& object) {
    cbor::Container map = MSB_TRY(reader.map());
    ReadField field{reader, {}};
    while (MSB_TRY(reader.next(map))) {
        Bytes joined;
        if (MSB_TRY(reader.peek()) != cbor::Kind::text) {
            MSB_TRY(reader.skip());
            MSB_TRY(reader.skip());
            continue;
        }
        field.key = MSB_TRY(reader.text(joined));
        field.index = 0;
        field.matched = false;
        Fields<T>::visit(object, field);
        if (!field.matched)
            MSB_TRY(reader.skip());
        MSB_TRY(std::move(field.status));
        field.status = {};
    }
    CheckRequired check{field.seen};
    Fields<T>::visit(object, check);
    return check.status;
}

} // namespace msb::wire
