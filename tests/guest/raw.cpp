// Packets that no program of a guest would send: made by hand, for a guest that has CAP_NET_RAW.
//
//   raw syns SOURCE ADDRESS PORT COUNT        begins COUNT TCP connections, each from a port of its own, and forgets them
//   raw fragments SOURCE ADDRESS PORT KIND    a datagram in pieces; prints what comes back, or "nothing"
//       tiny          8 bytes each, the last one first
//       overlapping   two say different things about the same bytes
//       endless       beyond the largest packet
//       many          first pieces of 5000 packets that never become whole, then a good one
#include <arpa/inet.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace {

constexpr int patience_ms = 3000;
constexpr std::uint16_t our_port = 4444;
constexpr unsigned more_fragments = 0x2000;

using Bytes = std::vector<std::uint8_t>;

void put16(Bytes& bytes, unsigned value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}
void put(Bytes& bytes, const void* data, std::size_t size) {
    const auto* const first = static_cast<const std::uint8_t*>(data);
    bytes.insert(bytes.end(), first, first + size);
}

std::uint16_t checksum(const Bytes& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8 : bytes[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

struct Route {
    in_addr source{}, destination{};
    int socket = -1;

    /// The kernel fills in the header's length and checksum. Full queues lose it.
    void send(std::uint8_t protocol, unsigned id, unsigned offset_and_flags,
              const Bytes& payload) const {
        Bytes packet = {0x45, 0};
        put16(packet, static_cast<unsigned>(20 + payload.size()));
        put16(packet, id);
        put16(packet, offset_and_flags);
        packet.push_back(64);
        packet.push_back(protocol);
        put16(packet, 0);
        put(packet, &source, 4);
        put(packet, &destination, 4);
        put(packet, payload.data(), payload.size());
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr = destination;
        (void)::sendto(socket, packet.data(), packet.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    }
};

void begin_connections(const Route& route, unsigned port, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        Bytes segment;
        put16(segment, 1024 + i % 60000);
        put16(segment, port);
        put(segment, "\0\0\0\1\0\0\0\0\x50\x02\xff\xff\0\0\0\0", 16);
        Bytes summed;
        put(summed, &route.source, 4);
        put(summed, &route.destination, 4);
        put16(summed, IPPROTO_TCP);
        put16(summed, static_cast<unsigned>(segment.size()));
        put(summed, segment.data(), segment.size());
        const std::uint16_t sum = checksum(summed);
        segment[16] = static_cast<std::uint8_t>(sum >> 8);
        segment[17] = static_cast<std::uint8_t>(sum);
        route.send(IPPROTO_TCP, i, 0, segment);
    }
}

Bytes datagram(unsigned port, const std::string& text) {
    Bytes bytes;
    put16(bytes, our_port);
    put16(bytes, port);
    put16(bytes, static_cast<unsigned>(8 + text.size()));
    put16(bytes, 0); // no checksum
    put(bytes, text.data(), text.size());
    return bytes;
}

void send_pieces(const Route& route, const Bytes& whole, std::size_t size, unsigned id) {
    for (std::size_t end = whole.size(); end > 0;) {
        const std::size_t begin = (end - 1) / size * size;
        route.send(IPPROTO_UDP, id,
                   static_cast<unsigned>(begin / 8) | (end < whole.size() ? more_fragments : 0),
                   Bytes(whole.begin() + static_cast<std::ptrdiff_t>(begin),
                         whole.begin() + static_cast<std::ptrdiff_t>(end)));
        end = begin;
    }
}

bool send_fragments(const Route& route, unsigned port, const std::string& kind) {
    const Bytes good = datagram(port, "a question in pieces....");
    const Bytes head(good.begin(), good.begin() + 16), tail(good.begin() + 16, good.end());
    if (kind == "tiny") {
        send_pieces(route, good, 8, 1);
    } else if (kind == "overlapping") {
        route.send(IPPROTO_UDP, 2, more_fragments, head);
        route.send(IPPROTO_UDP, 2, 1 | more_fragments, Bytes(16, 'x')); // also of the first
        route.send(IPPROTO_UDP, 2, 2, tail);
    } else if (kind == "endless") {
        route.send(IPPROTO_UDP, 3, more_fragments, head);
        route.send(IPPROTO_UDP, 3, 0x1fff, Bytes(1000, 'x'));
    } else if (kind == "many") {
        for (unsigned id = 100; id < 5100; ++id)
            route.send(IPPROTO_UDP, id, more_fragments, Bytes(1400, 'x'));
        send_pieces(route, good, 8, 4);
    } else {
        return false;
    }
    return true;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 6)
        return 2;
    const std::string what = argv[1];
    const auto port = static_cast<unsigned>(std::atoi(argv[4]));
    Route route;
    ::inet_pton(AF_INET, argv[2], &route.source);
    ::inet_pton(AF_INET, argv[3], &route.destination);
    route.socket = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (route.socket == -1) {
        std::perror("socket");
        return 1;
    }
    if (what == "syns") {
        begin_connections(route, port, static_cast<unsigned>(std::atoi(argv[5])));
        return 0;
    }
    // So that the kernel does not refuse the answer.
    const int ours = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(our_port);
    if (::bind(ours, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == -1 ||
        !send_fragments(route, port, argv[5]))
        return 1;
    pollfd answer{ours, POLLIN, 0};
    char text[2000];
    const ssize_t size =
        ::poll(&answer, 1, patience_ms) == 1 ? ::recv(ours, text, sizeof(text), 0) : -1;
    std::printf("%.*s\n", size < 0 ? 7 : static_cast<int>(size), size < 0 ? "nothing" : text);
    return 0;
}
