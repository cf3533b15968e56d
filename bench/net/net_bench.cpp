// netd's stack by itself: a link that is memory with a guest of the bench at one end, sockets of this machine's
// loopback at the other, a policy of 1,000 rules between. CPU time is that of the stack's thread, its system calls
// included and the guest's part as well, so a busy machine does not change it much.
//
//   net_bench [GIB]      bytes each way of the streams; default 4
#include "base/system.hpp"
#include "guest.hpp"
#include "net/config.hpp"
#include "net/host_dialer.hpp"
#include "net/publish/publisher.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace msb::bench {
namespace {

using namespace net;
using Clock = std::chrono::steady_clock;

constexpr std::size_t piece = std::size_t{256} << 10;
constexpr std::uint16_t first_port = 10000;
constexpr int names_known = 10'000;

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}
double since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}
double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
}
void say(const char* what, double value, const char* unit, const char* wanted) {
    std::printf("%-44s %10.2f %-8s (wanted %s)\n", what, value, unit, wanted);
    std::fflush(stdout);
}
/// In KiB.
long resident() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:"))
            return std::atol(line.c_str() + 6);
    return 0;
}

/// What is asked for is behind all other rules.
Policy thousand_rules() {
    std::string rules;
    for (int i = 0; i < 250; ++i)
        rules += "allow@192.0.2." + std::to_string(i) + ":tcp:443,";
    for (int i = 0; i < 749; ++i)
        rules += "allow@host" + std::to_string(i) + ".example.org:tcp:443,";
    return {.rules = *parse_rules(rules + "allow@host")};
}

/// A listening socket of the loopback, whose connections get a thread each.
class Server {
  public:
    explicit Server(std::function<void(int)> serve)
        : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        SocketAddress name(Endpoint{IpAddress::loopback(false), 0});
        if (::bind(listener_.get(), name.get(), name.size) != 0 ||
            ::listen(listener_.get(), 4096) != 0)
            std::abort();
        ::getsockname(listener_.get(), name.get(), &name.size);
        port_ = name.endpoint()->port;
        std::thread([this, serve = std::move(serve)] {
            for (;;) {
                const int one = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
                if (one == -1)
                    return;
                std::thread([one, serve] {
                    serve(one);
                    ::close(one);
                }).detach();
            }
        }).detach();
    }
    std::uint16_t port() const { return port_; }

  private:
    OwnedFd listener_;
    std::uint16_t port_ = 0;
};

void drain(int fd) {
    Bytes data(piece);
    while (::recv(fd, data.data(), data.size(), 0) > 0) {
    }
}
void pour(int fd) {
    static const Bytes data(piece); // the threads' memory counts as ours
    while (::send(fd, data.data(), data.size(), MSG_NOSIGNAL) > 0) {
    }
}

struct World {
    explicit World(std::uint16_t mtu, std::size_t connections = 1024)
        : guest(mtu), dialer(thousand_rules(), Gateways{guest.subnet.gateway, std::nullopt},
                             *HostRoutes::open()),
          stack(*loop, guest, dialer,
                {.link = {Guest::mac, Guest::gateway_mac, mtu},
                 .v4 = guest.subnet,
                 .resolvers = {},
                 .max_connections = connections}) {
        guest.attach(stack);
    }
    void round(std::chrono::milliseconds wait = std::chrono::milliseconds(100)) {
        (void)loop->run_once(busy ? std::chrono::milliseconds(0) : wait);
        busy = guest.answer();
    }
    /// The gateway's address is this machine's loopback.
    Endpoint host(std::uint16_t port) const { return {guest.subnet.gateway, port}; }
    Guest::Connection& connected(std::uint16_t guest_port, std::uint16_t port) {
        Guest::Connection& connection = guest.connect(guest_port, host(port));
        while (!connection.established && !connection.refused)
            round();
        if (connection.refused)
            std::abort();
        return connection;
    }

    std::unique_ptr<EventLoop> loop = *EventLoop::create();
    bool busy = false; ///< the guest has answered, which may lead to more
    Guest guest;
    HostDialer dialer;
    Stack stack;
};

// ---- one stream ----

void upload(std::uint16_t mtu, std::uint64_t bytes) {
    Server server(drain);
    World world(mtu);
    Guest::Connection& connection = world.connected(first_port, server.port());
    std::uint64_t moved = 0;
    std::uint32_t before = connection.acknowledged;
    const double cpu = cpu_seconds();
    const auto begin = Clock::now();
    while (moved < bytes) {
        world.guest.fill(connection);
        if (connection.acknowledged == before)
            world.round();
        moved += connection.acknowledged - before;
        before = connection.acknowledged;
    }
    const double used = cpu_seconds() - cpu;
    const std::string name = "guest to host, MTU " + std::to_string(mtu);
    say((name + ", of one core").c_str(), static_cast<double>(moved) * 8e-9 / used, "Gbit/s",
        ">= 20");
    say((name + ", as it went").c_str(), static_cast<double>(moved) * 8e-9 / since(begin), "Gbit/s",
        "-");
}

void download(std::uint16_t mtu, std::uint64_t bytes) {
    Server server(pour);
    World world(mtu);
    Guest::Connection& connection = world.connected(first_port, server.port());
    const double cpu = cpu_seconds();
    const auto begin = Clock::now();
    while (connection.received < bytes)
        world.round();
    const double used = cpu_seconds() - cpu;
    const std::string name = "host to guest, MTU " + std::to_string(mtu);
    say((name + ", of one core").c_str(), static_cast<double>(connection.received) * 8e-9 / used,
        "Gbit/s", ">= 20");
    say((name + ", as it went").c_str(),
        static_cast<double>(connection.received) * 8e-9 / since(begin), "Gbit/s", "-");
}

// ---- connections ----

double native_connect(std::uint16_t port) {
    SocketAddress name(Endpoint{IpAddress::loopback(false), port});
    const auto begin = Clock::now();
    const OwnedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), name.get(), name.size) != 0)
        std::abort();
    return since(begin) * 1e6;
}

void connections() {
    Server server([](int fd) {
        char byte = 0;
        (void)!::recv(fd, &byte, 1, 0);
    });
    World world(1500);
    std::vector<double> native, ours;
    const double cpu = cpu_seconds();
    const auto begin = Clock::now();
    double native_time = 0;
    constexpr int count = 10'000;
    for (int i = 0; i < count; ++i) {
        native.push_back(native_connect(server.port()));
        native_time += native.back() / 1e6;
        const auto guest_port = static_cast<std::uint16_t>(first_port + i % 40'000);
        const auto start = Clock::now();
        Guest::Connection& connection = world.connected(guest_port, server.port());
        ours.push_back(since(start) * 1e6);
        world.guest.finish(connection);
        world.stack.frames_done();
        while (!connection.ended)
            world.round();
        world.guest.forget(connection);
    }
    say("connect, beyond the loopback's own", median(ours) - median(native), "us", "<= 150");
    say("10,000 connections, one after another", since(begin) - native_time, "s", "-");
    say("a connection's CPU time", (cpu_seconds() - cpu) / count * 1e6, "us", "-");
}

/// Peers of a published port: one that reads nothing, and another that is to be as quick as without it.
void published(std::uint64_t bytes) {
    World world(65520);
    world.guest.listens = true;
    OwnedFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    SocketAddress name(Endpoint{IpAddress::loopback(false), 0});
    if (::bind(listener.get(), name.get(), name.size) != 0 || ::listen(listener.get(), 1024) != 0)
        std::abort();
    ::getsockname(listener.get(), name.get(), &name.size);
    Publisher publisher(*world.loop, world.stack.tcp(), world.dialer, std::move(listener), 80,
                        world.guest.subnet, std::nullopt);
    if (!publisher.start())
        std::abort();
    const auto peer = [&] {
        OwnedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(fd.get(), name.get(), name.size) != 0)
            std::abort();
        return fd;
    };
    const auto stream = [&] {
        const auto known = world.guest.connections().size();
        const OwnedFd reader = peer();
        while (world.guest.connections().size() == known)
            world.round();
        SocketAddress own;
        ::getsockname(reader.get(), own.get(), &own.size);
        const std::uint16_t port = own.endpoint()->port;
        std::atomic<bool> stop = false;
        std::thread drainer([&] {
            Bytes data(piece);
            std::uint64_t total = 0;
            while (total < bytes) {
                const ssize_t count = ::recv(reader.get(), data.data(), data.size(), 0);
                if (count <= 0)
                    break;
                total += static_cast<std::uint64_t>(count);
            }
            stop = true;
        });
        Guest::Connection& mine = world.guest.connections().at({80, port});
        const auto begin = Clock::now();
        while (!stop) {
            const std::uint32_t before = mine.acknowledged;
            for (auto& [key, connection] : world.guest.connections())
                world.guest.fill(connection); // to slow readers, too
            if (mine.acknowledged == before)
                world.round(std::chrono::milliseconds(1));
        }
        const double time = since(begin);
        drainer.join();
        world.guest.forget(mine);
        return static_cast<double>(bytes) / time / 1e9;
    };
    say("a published port", stream(), "GB/s", ">= 1");
    const OwnedFd slow = peer();
    while (world.guest.connections().empty())
        world.round();
    say("the same beside a peer that reads nothing", stream(), "GB/s", "the same");
    std::vector<OwnedFd> many;
    many.reserve(700);
    for (int i = 0; i < 700; ++i)
        many.push_back(peer());
    while (world.guest.connections().size() < many.size())
        world.round();
    say("connections at once", static_cast<double>(world.stack.tcp().count()), "", "-");
}

// ---- decisions ----

void decisions() {
    const auto now = NameMemory::Clock::now();
    const auto policy = thousand_rules();
    NameMemory names;
    for (int i = 0; i < names_known; ++i)
        names.learn("host" + std::to_string(i) + ".example.org",
                    std::vector{IpAddress(Ipv4Bytes{93, 184, static_cast<std::uint8_t>(i >> 8),
                                                    static_cast<std::uint8_t>(i)})},
                    std::chrono::seconds(3600), now);
    auto routes = *HostRoutes::open();
    const Gateways gateways{IpAddress(Ipv4Bytes{172, 16, 0, 1}), std::nullopt};
    constexpr int count = 20'000;
    int allowed = 0;
    const double cpu = cpu_seconds();
    for (int i = 0; i < count; ++i) {
        Flow flow{.destination = {
                      IpAddress(Ipv4Bytes{93, 184, static_cast<std::uint8_t>(i % names_known >> 8),
                                          static_cast<std::uint8_t>(i)}),
                      443}};
        flow.names = names.names_of(flow.destination.address, now);
        const auto verdict = judge(flow, classify(flow.peer(), gateways, policy.metadata), policy);
        allowed += verdict.allow ? 1 : 0;
    }
    say("a decision (1,000 rules, 10,000 names)", (cpu_seconds() - cpu) / count * 1e6, "us",
        "<= 5");
    const double routed = cpu_seconds();
    for (int i = 0; i < count; ++i)
        (void)routes.lead_here(IpAddress(Ipv4Bytes{93, 184, 1, static_cast<std::uint8_t>(i)}));
    say("asking the kernel's routing besides", (cpu_seconds() - routed) / count * 1e6, "us", "-");
    if (allowed == 0)
        std::abort();
}

void swaps() {
    World world(1500);
    Server server(drain);
    for (std::uint16_t i = 0; i < 256; ++i)
        world.connected(static_cast<std::uint16_t>(first_port + i), server.port());
    const std::string text = PolicyChange{thousand_rules(), 1024}.to_json();
    std::vector<double> times;
    for (int i = 0; i < 11; ++i) {
        const auto begin = Clock::now();
        auto change = PolicyChange::from_json(text);
        world.dialer.set_policy(std::move(change->policy));
        world.stack.policy_changed(change->max_connections);
        times.push_back(since(begin) * 1e3);
    }
    say("another policy, with 256 flows", median(times), "ms", "<= 5");
    if (world.stack.tcp().count() != 256)
        std::abort();
}

/// A resolver that answers at once: what a lookup takes through the stack, and without it.
void lookups() {
    OwnedFd resolver(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    SocketAddress name(Endpoint{IpAddress::loopback(false), 0});
    if (::bind(resolver.get(), name.get(), name.size) != 0)
        std::abort();
    ::getsockname(resolver.get(), name.get(), &name.size);
    std::thread([fd = resolver.get()] {
        Bytes data(1500);
        for (;;) {
            SocketAddress from;
            const ssize_t size =
                ::recvfrom(fd, data.data(), data.size(), 0, from.get(), &from.size);
            if (size < 12)
                return;
            data[2] = 0x81;
            data[3] = 0x80;
            data[7] = 1;
            Bytes answer(data.begin(), data.begin() + size);
            answer.insert(answer.end(),
                          {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 93, 184, 215, 14});
            ::sendto(fd, answer.data(), answer.size(), 0, from.get(), from.size);
        }
    }).detach();
    Bytes query{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7};
    const std::string label = "host748";
    query.insert(query.end(), label.begin(), label.end());
    const std::string rest = std::string("\7example\3org") + '\0' + std::string("\0\1\0\1", 4);
    query.insert(query.end(), rest.begin(), rest.end());
    World world(1500);
    world.stack.dns().set_resolvers({*name.endpoint()});
    const OwnedFd direct(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (::connect(direct.get(), name.get(), name.size) != 0)
        std::abort();
    std::vector<double> own, ours;
    for (int i = 0; i < 2000; ++i) {
        auto begin = Clock::now();
        Bytes answer(1500);
        (void)!::send(direct.get(), query.data(), query.size(), 0);
        (void)!::recv(direct.get(), answer.data(), answer.size(), 0);
        own.push_back(since(begin) * 1e6);
        const auto before = world.guest.datagrams;
        begin = Clock::now();
        world.guest.datagram(static_cast<std::uint16_t>(first_port + i), world.host(53), query);
        while (world.guest.datagrams == before)
            world.round();
        ours.push_back(since(begin) * 1e6);
    }
    say("a lookup, beyond the resolver's own", median(ours) - median(own), "us", "<= 200");
    ::shutdown(resolver.release(), SHUT_RDWR);
}

/// Both directions full: nobody reads what goes out, nothing that comes is acknowledged.
void memory() {
    World world(1500);
    Server server(pour);
    const long before = resident();
    std::vector<Guest::Connection*> all;
    all.reserve(256);
    for (std::uint16_t i = 0; i < 256; ++i)
        all.push_back(&world.connected(static_cast<std::uint16_t>(first_port + i), server.port()));
    for (int i = 0; i < 50; ++i) {
        for (Guest::Connection* one : all)
            world.guest.fill(*one);
        (void)world.loop->run_once(std::chrono::milliseconds(1));
    }
    say("256 flows that are full, more memory", static_cast<double>(resident() - before) / 1024,
        "MiB", "<= 64");
}

} // namespace
} // namespace msb::bench

int main(int argc, char** argv) {
    using namespace msb::bench;
    const std::uint64_t bytes = std::uint64_t{argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 4}
                                << 30;
    for (const std::uint16_t mtu : {std::uint16_t{1500}, std::uint16_t{65520}}) {
        upload(mtu, bytes);
        download(mtu, bytes);
    }
    published(bytes);
    connections();
    decisions();
    swaps();
    lookups();
    memory();
    std::_Exit(0); // servers' threads wait for peers
}
