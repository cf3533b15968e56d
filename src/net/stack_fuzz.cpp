// Arbitrary frames of a guest at a stack whose host sockets are socket pairs, mixed with what the
// host's side does. A part of the input is shaped into packets that get past the checks.
#include "base/testing/check.hpp"
#include "net/frames/checksum.hpp"
#include "net/testing/world.hpp"

#include <algorithm>
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/socket.h>

using namespace msb;
using namespace msb::net;

namespace {

using msb::testing::check;

class Guest {
  public:
    explicit Guest(net::testing::World& world) : world_(world) {}

    void raw(FuzzedDataProvider& input) {
        const auto bytes = input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange(0, 200));
        world_.stack->frame(bytes, input.ConsumeBool());
        world_.stack->frames_done();
    }
    void segment(FuzzedDataProvider& input) {
        const bool v6 = input.ConsumeBool();
        const auto payload = input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange(0, 100));
        TcpSegment segment{.source = {source(v6), port(input)},
                           .destination = {destination(v6, input), port(input)},
                           .sequence = near(input, 1000),
                           .acknowledgement = near(input, last_sequence_),
                           .window = input.ConsumeIntegral<std::uint16_t>(),
                           .flags = input.ConsumeIntegral<std::uint8_t>(),
                           .payload = payload};
        if (input.ConsumeBool())
            segment.mss = input.ConsumeIntegral<std::uint16_t>();
        if (input.ConsumeBool())
            segment.scale = input.ConsumeIntegral<std::uint8_t>();
        world_.send(segment);
    }
    void datagram(FuzzedDataProvider& input) {
        const bool v6 = input.ConsumeBool();
        const auto payload = input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange(0, 100));
        const std::uint16_t to = input.ConsumeBool() ? std::uint16_t{53} : port(input);
        world_.send_udp({source(v6), port(input)}, {destination(v6, input), to}, payload);
    }
    void icmp(FuzzedDataProvider& input) {
        auto message = input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange(8, 60));
        message.resize(std::max<std::size_t>(message.size(), 8));
        world_.send_icmp(destination(input.ConsumeBool(), input), message);
    }
    /// So that acknowledgements can be right.
    void look() {
        while (!world_.link.frames.empty()) {
            const auto packet = world_.next();
            check(packet.has_value()); // ours are well-formed, or ARP
            if (packet->protocol == protocol_tcp && !packet->fragment) {
                const auto segment = parse_tcp(*packet, true);
                check(segment.has_value());
                last_sequence_ = segment->sequence + segment->length();
            }
        }
    }

  private:
    IpAddress source(bool v6) const { return v6 ? world_.v6.guest : world_.v4.guest; }
    IpAddress destination(bool v6, FuzzedDataProvider& input) const {
        if (input.ConsumeBool())
            return v6 ? world_.v6.gateway : world_.v4.gateway;
        return v6 ? *IpAddress::parse("2606:4700::1") : IpAddress(Ipv4Bytes{1, 1, 1, 1});
    }
    static std::uint16_t port(FuzzedDataProvider& input) {
        return input.ConsumeIntegralInRange<std::uint16_t>(52, 54);
    }
    static std::uint32_t near(FuzzedDataProvider& input, std::uint32_t value) {
        return value + input.ConsumeIntegralInRange<std::uint32_t>(0, 300) - 5;
    }

    net::testing::World& world_;
    std::uint32_t last_sequence_ = 0;
};

void act_as_host(net::testing::World& world, FuzzedDataProvider& input) {
    if (world.dialer.peers.empty())
        return;
    const auto index = input.ConsumeIntegralInRange<std::size_t>(0, world.dialer.peers.size() - 1);
    const int peer = world.dialer.peers[index].get();
    std::array<std::uint8_t, 4096> data{};
    switch (input.ConsumeIntegralInRange(0, 4)) {
    case 0: (void)!::recv(peer, data.data(), data.size(), MSG_DONTWAIT); break;
    case 1: ::shutdown(peer, SHUT_WR); break;
    case 2:
        world.dialer.peers.erase(world.dialer.peers.begin() + static_cast<std::ptrdiff_t>(index));
        break;
    default:
        (void)!::send(peer, data.data(), input.ConsumeIntegralInRange<std::size_t>(0, data.size()),
                      MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    world.settle();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    net::testing::World world(16);
    Guest guest(world);
    world.link.large_segments = input.ConsumeBool();
    for (int i = 0; i < 100 && input.remaining_bytes() > 0; ++i) {
        switch (input.ConsumeIntegralInRange(0, 8)) {
        case 0: guest.raw(input); break;
        case 1: guest.datagram(input); break;
        case 2: guest.icmp(input); break;
        case 3: act_as_host(world, input); break;
        case 4:
            world.link.full = input.ConsumeBool();
            if (!world.link.full)
                world.stack->room();
            break;
        case 5:
            world.dialer.failure =
                input.ConsumeBool()
                    ? std::optional(Error::from_errno(input.ConsumeIntegralInRange(1, 120), "x"))
                    : std::nullopt;
            break;
        default: guest.segment(input); break;
        }
        if (input.ConsumeBool())
            world.settle();
        guest.look();
        check(world.stack->tcp().count() <= 16);
    }
    return 0;
}
