#include "net/quic/opening.hpp"

#include "net/tls/cursor.hpp"
#include "net/tls/hello.hpp"

#include <algorithm>

namespace msb::net::quic {

namespace {

/// RFC 9000 §14.1: servers discard Initial packets in smaller datagrams.
constexpr std::size_t least_datagram = 1200;
/// A second one follows if the server asks for it (RFC 8446 §4.1.4).
constexpr unsigned most_hellos = 2;

/// RFC 9000 §12.4: the frames that an Initial packet may have.
enum Frame : std::uint8_t {
    padding = 0x00,
    ping = 0x01,
    ack = 0x02,
    ack_with_marks = 0x03,
    crypto = 0x06,
    close = 0x1c,
};

bool skip_numbers(Cursor& cursor, std::uint64_t count) {
    for (; count > 0; --count) // ends: each takes a byte at least
        if (!cursor.take_varint())
            return false;
    return true;
}

bool skip_acknowledgement(Cursor& cursor, bool marks) {
    if (!skip_numbers(cursor, 2)) // largest, delay
        return false;
    const auto ranges = cursor.take_varint();
    return ranges && *ranges <= cursor.left().size() &&
           skip_numbers(cursor, 1 + 2 * *ranges + (marks ? 3 : 0));
}

bool skip_close(Cursor& cursor) {
    if (!skip_numbers(cursor, 2)) // error, frame
        return false;
    const auto size = cursor.take_varint();
    return size && cursor.take(*size);
}

} // namespace

/// Other versions are known by what RFC 9000 §14.1 and RFC 8999 say of a client's first datagram.
bool FlowReader::concerns(BytesView datagram) {
    constexpr std::uint8_t long_header = 0x80, fixed = 0x40;
    if (datagram.size() < 7 || (datagram[0] & long_header) == 0)
        return false;
    const auto version = load_be<std::uint32_t>(datagram.subspan(1));
    if (version == version1 || version == version2)
        return true;
    constexpr std::size_t least_id = 8;
    return version != 0 && (datagram[0] & fixed) != 0 && datagram.size() >= least_datagram &&
           datagram[5] >= least_id && datagram[5] <= longest_id;
}

const ClientKeys& FlowReader::Connection::keys(std::uint32_t version) {
    auto& keys = version == version2 ? keys2 : keys1;
    if (!keys)
        keys = client_keys(version, destination);
    return *keys;
}

bool FlowReader::Connection::add_frames(BytesView frames) {
    Cursor cursor(frames);
    while (!cursor.empty()) {
        switch (*cursor.take8()) {
        case padding:
        case ping: break;
        case ack:
            if (!skip_acknowledgement(cursor, false))
                return false;
            break;
        case ack_with_marks:
            if (!skip_acknowledgement(cursor, true))
                return false;
            break;
        case crypto: {
            const auto offset = cursor.take_varint();
            const auto size = cursor.take_varint();
            const auto data = size ? cursor.take(*size) : std::nullopt;
            if (!offset || !data || !add_crypto(*offset, *data))
                return false;
            break;
        }
        case close:
            if (!skip_close(cursor))
                return false;
            break;
        default: return false;
        }
    }
    return true;
}

bool FlowReader::Connection::add_crypto(std::uint64_t offset, BytesView data) {
    constexpr std::size_t longest = longest_hello * most_hellos;
    if (offset > longest || data.size() > longest - offset)
        return false;
    const auto begin = static_cast<std::size_t>(offset);
    if (begin + data.size() > stream.size()) {
        stream.resize(begin + data.size());
        known.resize(stream.size());
    }
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (known[begin + i] && stream[begin + i] != data[i])
            return false;
        stream[begin + i] = data[i];
        known[begin + i] = true;
    }
    while (whole < known.size() && known[whole])
        ++whole;
    return true;
}

/// For good; its packets are still recognised.
void FlowReader::Connection::refuse() {
    refused = true;
    stream = {};
    known = {};
    held = {};
}

/// The connection that a packet belongs to, which has what is in it now.
FlowReader::Connection* FlowReader::add(const LongPacket& packet) {
    Connection* owner = nullptr;
    std::optional<OpenedPacket> content;
    bool known = false;
    for (Connection& connection : connections_) {
        known = known || std::ranges::equal(connection.destination, packet.destination);
        auto opened = open(packet, connection.keys(packet.version), connection.expected);
        if (!opened)
            continue;
        if (owner != nullptr)
            return nullptr;
        owner = &connection;
        content = std::move(opened);
    }
    if (!known) { // the first of its connection, or the first after the server's Retry
        Connection fresh(packet.destination);
        auto opened = open(packet, fresh.keys(packet.version), 0);
        if (opened && (owner != nullptr || connections_.size() >= most_connections))
            return nullptr;
        if (opened) {
            owner = &connections_.emplace_back(std::move(fresh));
            content = std::move(opened);
        }
    }
    if (owner == nullptr)
        return nullptr;
    owner->expected = std::max(owner->expected, std::uint64_t{content->number} + 1);
    if (!owner->refused && !owner->add_frames(content->frames))
        owner->refuse();
    return owner;
}

/// False: the connection may not be.
bool FlowReader::judge(Connection& connection, const std::function<bool(const Opening&)>& admits) {
    for (;;) {
        const BytesView rest =
            BytesView(connection.stream).first(connection.whole).subspan(connection.judged);
        if (rest.size() < message_head)
            return true;
        const std::size_t size = message_size(rest);
        if (size > longest_hello || connection.hellos == most_hellos)
            return false;
        if (rest.size() < size)
            return true;
        auto name = asked_server(rest.first(size));
        if (!name || !admits({.tls = true, .server_name = *name}))
            return false;
        if (std::ranges::find(names_, *name) == names_.end())
            names_.push_back(std::move(*name));
        connection.judged += size;
        ++connection.hellos;
    }
}

std::optional<std::vector<Bytes>>
FlowReader::take(BytesView datagram, const std::function<bool(const Opening&)>& admits) {
    Connection* owner = nullptr;
    for (BytesView rest = datagram; !rest.empty() && (rest[0] & 0x80) != 0;) {
        const auto packet = take_long_packet(rest);
        if (!packet)
            return std::nullopt;
        if (!packet->initial)
            continue;
        Connection* const one = datagram.size() < least_datagram ? nullptr : add(*packet);
        if (one == nullptr || (owner != nullptr && one != owner))
            return std::nullopt;
        owner = one;
    }
    std::vector<Bytes> out;
    if (owner != nullptr) {
        if (!owner->refused &&
            (held_bytes() + datagram.size() > most_bytes || !judge(*owner, admits)))
            owner->refuse();
        if (owner->refused)
            return std::nullopt;
        if (owner->hellos == 0 || owner->judged < owner->stream.size()) {
            owner->held.emplace_back(datagram.begin(), datagram.end());
            return out;
        }
        out.swap(owner->held);
    }
    out.emplace_back(datagram.begin(), datagram.end());
    return out;
}

std::size_t FlowReader::held_bytes() const {
    std::size_t total = 0;
    for (const Connection& connection : connections_) {
        total += connection.stream.size();
        for (const Bytes& datagram : connection.held)
            total += datagram.size();
    }
    return total;
}

} // namespace msb::net::quic
