// Datagrams of a guest, some as they are, some protected frames (otherwise a fuzzer would never find
// a packet that opens): memory is bounded, nothing goes out that was not sent, and nothing once its
// connection asked for the wrong server.
#include "base/testing/check.hpp"
#include "net/quic/opening.hpp"
#include "net/testing/initial.hpp"

#include <algorithm>

using namespace msb;
using namespace msb::net;

namespace {

using msb::testing::check;

enum Flags : std::uint8_t { version2 = 1, other_id = 2, other_first = 4, raw = 8, small = 16 };

const Bytes ids[2] = {{1, 2, 3, 4, 5, 6, 7, 8}, {9}};

/// Flags, a packet number, the length of what follows, and that.
Bytes take_datagram(BytesView& input) {
    const std::uint8_t flags = input[0];
    const std::size_t size =
        std::min<std::size_t>(load_be<std::uint16_t>(input.subspan(2)) & 4095, input.size() - 4);
    const BytesView body = input.subspan(4, size);
    const std::uint8_t number = input[1];
    input = input.subspan(4 + size);
    if ((flags & raw) != 0)
        return {body.begin(), body.end()};
    return net::testing::seal({.version = (flags & version2) != 0 ? quic::version2 : quic::version1,
                               .destination = ids[(flags & other_id) != 0],
                               .first = ids[(flags & other_first) != 0],
                               .number = number,
                               .size = (flags & small) != 0 ? 100U : 1200U},
                              body);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    BytesView input(data, size);
    quic::FlowReader reader;
    std::size_t sent = 0, out = 0;
    while (input.size() > 4 && sent < 200) {
        const Bytes datagram = take_datagram(input);
        if (!quic::FlowReader::concerns(datagram))
            continue;
        ++sent;
        bool refused = false;
        const auto passed = reader.take(datagram, [&](const Opening& opening) {
            refused = refused || opening.server_name.starts_with('e');
            return !refused;
        });
        check(!(passed && refused));
        out += passed ? passed->size() : 0;
        check(out <= sent);
        check(reader.held_bytes() <= quic::FlowReader::most_bytes);
    }
    return 0;
}
