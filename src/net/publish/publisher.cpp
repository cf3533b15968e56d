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

std::optional<GuestPort> Publisher::guest_port(bool v6) const {
    const auto& subnet = v6 ? v6_ : v4_;
    if (!subnet)
        return std::nullopt;
    return GuestPort{{subnet->guest, guest_port_}, subnet->gateway};
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
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        const auto from = peer.endpoint();
        const bool v6_first = from && from->address.v6;
        const auto first = guest_port(v6_first), second = guest_port(!v6_first);
        const auto port = from ? from->port : std::uint16_t{0};
        if (first)
            tcp_.accept(std::move(socket), *first, port, second);
        else
            tcp_.accept(std::move(socket), *second, port);
    }
}

} // namespace msb::net
