#include "net/publish/publisher.hpp"

#include "base/log.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr int accepts_a_round = 16;
constexpr auto pause_without_descriptors = std::chrono::milliseconds(100);

} // namespace

Publisher::~Publisher() {
    loop_.cancel(pause_);
    loop_.unwatch(listener_.get());
}

Status Publisher::start() {
    return loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

/// In the order in which they are tried. The guest takes what its gateway sends to its loopback
/// (route_localnet); for IPv6 there is no such setting.
std::vector<GuestPort> Publisher::places(bool v6) const {
    std::vector<GuestPort> places;
    for (const auto* subnet : {v6 ? &v6_ : &v4_, v6 ? &v4_ : &v6_})
        if (*subnet)
            places.push_back({{(*subnet)->guest, guest_port_}, (*subnet)->gateway});
    if (v4_)
        places.push_back({{IpAddress::loopback(false), guest_port_}, v4_->gateway});
    return places;
}

void Publisher::accept() {
    for (int i = 0; i < accepts_a_round; ++i) {
        SocketAddress peer;
        OwnedFd socket(
            ::accept4(listener_.get(), peer.get(), &peer.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket) {
            if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
                return; // nobody is waiting any more, or the peer has left again
            log::warn("published port: out of descriptors");
            loop_.unwatch(listener_.get());
            pause_ = loop_.after(pause_without_descriptors, [this] { (void)start(); });
            return;
        }
        if (const auto from = peer.endpoint())
            hand_on(std::move(socket), *from);
    }
}

void Publisher::hand_on(OwnedFd socket, const Endpoint& from) {
    const std::vector<GuestPort> leads_to = places(from.address.v6);
    const Flow flow{.direction = Direction::in,
                    .protocol = Protocol::tcp,
                    .source = from,
                    .destination = leads_to.front().guest};
    if (!gate_.admit(flow)) {
        const linger at_once{.l_onoff = 1, .l_linger = 0}; // a reset
        ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        return;
    }
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    tcp_.accept(std::move(socket), leads_to, from.port, gate_.begin(flow));
}

} // namespace msb::net
