#include "net/members/message.hpp"

#include <algorithm>

namespace msb::net {

namespace {

enum class Kind : std::uint8_t { flow = 1, table = 2 };

constexpr std::uint8_t udp_bit = 1, v6_bit = 2;
constexpr std::size_t address_size = 4;
constexpr std::size_t flow_size = 1 + 1 + address_size + 2 + 2;

std::unexpected<Error> bad() {
    return fail(ErrorKind::protocol, "not a message of a private network");
}

Bytes write(const MemberFlow& flow) {
    Bytes bytes(flow_size);
    const MutableBytesView view(bytes);
    view[0] = static_cast<std::uint8_t>(Kind::flow);
    view[1] = static_cast<std::uint8_t>((flow.protocol == Protocol::udp ? udp_bit : 0) |
                                        (flow.v6 ? v6_bit : 0));
    std::ranges::copy(flow.other.v4_bytes(), view.begin() + 2);
    store_be(view.subspan(2 + address_size), flow.source_port);
    store_be(view.subspan(4 + address_size), flow.destination_port);
    return bytes;
}

Bytes write(const MemberTable& table) {
    Bytes bytes{static_cast<std::uint8_t>(Kind::table)};
    for (const auto& [address, name] : table.members) {
        const Ipv4Bytes four = address.v4_bytes();
        bytes.insert(bytes.end(), four.begin(), four.end());
        bytes.push_back(static_cast<std::uint8_t>(name.size()));
        bytes.insert(bytes.end(), name.begin(), name.end());
    }
    return bytes;
}

Result<MemberMessage> read_flow(BytesView bytes) {
    if (bytes.size() != flow_size || (bytes[1] & ~(udp_bit | v6_bit)) != 0)
        return bad();
    const MemberFlow flow{.protocol = (bytes[1] & udp_bit) != 0 ? Protocol::udp : Protocol::tcp,
                          .v6 = (bytes[1] & v6_bit) != 0,
                          .other = IpAddress::from(bytes.subspan(2, address_size)),
                          .source_port = load_be<std::uint16_t>(bytes.subspan(2 + address_size)),
                          .destination_port =
                              load_be<std::uint16_t>(bytes.subspan(4 + address_size))};
    if (flow.source_port == 0 || flow.destination_port == 0)
        return bad();
    return flow;
}

Result<MemberMessage> read_table(BytesView rest) {
    MemberTable table;
    while (!rest.empty()) {
        if (rest.size() < address_size + 1 || table.members.size() == most_members)
            return bad();
        const IpAddress address = IpAddress::from(rest.first(address_size));
        const std::size_t size = rest[address_size];
        rest = rest.subspan(address_size + 1);
        if (rest.size() < size || !is_member_name(as_text(rest.first(size))))
            return bad();
        table.members[address] = as_text(rest.first(size));
        rest = rest.subspan(size);
    }
    return table;
}

} // namespace

bool is_member_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_member_name &&
           std::ranges::all_of(
               name, [](char c) { return c > ' ' && c < '\x7f' && (c < 'A' || c > 'Z'); });
}

Bytes encode(const MemberMessage& message) {
    return std::visit([](const auto& one) { return write(one); }, message);
}

Result<MemberMessage> decode_member_message(BytesView bytes) {
    if (bytes.empty())
        return bad();
    switch (static_cast<Kind>(bytes[0])) {
    case Kind::flow: return read_flow(bytes);
    case Kind::table: return read_table(bytes.subspan(1));
    }
    return bad();
}

} // namespace msb::net
