// The host's side of a guest's TCP connection: the socket, and whoever may be before it.
#include "base/log.hpp"
#include "net/members/message.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/tcp.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace msb::net {

namespace {

using namespace std::chrono_literals;

constexpr auto connect_timeout = 30s;
constexpr std::size_t read_piece = std::size_t{64} << 10;

Unreachable reason_of(int error) {
    return error == EHOSTUNREACH || error == EHOSTDOWN || error == ETIMEDOUT ? Unreachable::host
                                                                             : Unreachable::network;
}
bool is_unreachable(int error) {
    return error == EHOSTUNREACH || error == EHOSTDOWN || error == ETIMEDOUT ||
           error == ENETUNREACH || error == ENETDOWN || error == EADDRNOTAVAIL;
}

} // namespace

/// Edge-triggered: a direction that is not served, because its queue is full or it has ended, costs
/// nothing then.
Status TcpConnection::adopt(OwnedFd socket) {
    host_ = std::move(socket);
    // A peer that has vanished is noticed after three minutes. This has no effect on the name
    // server's stream, which does not need it.
    const int on = 1, idle = 120, interval = 15, count = 4;
    ::setsockopt(host_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    ::setsockopt(host_.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    ::setsockopt(host_.get(), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    ::setsockopt(host_.get(), IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    return tcp_.loop_.watch(host_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                            [this](std::uint32_t events) {
                                const auto keep = shared_from_this();
                                host_event(events);
                                tcp_.output_.flush();
                            });
}

void TcpConnection::dial() {
    auto dialled = tcp_.dialer_.dial({.direction = Direction::out,
                                      .protocol = Protocol::tcp,
                                      .source = guest_,
                                      .destination = remote_},
                                     attempt_);
    if (!dialled)
        return connect_failed(dialled.error());
    record_ = std::move(dialled->record);
    handshake_ = std::move(dialled->handshake);
    if (dialled->depends_on_opening)
        opening_ = std::make_unique<OpeningReader>();
    if (const Status adopted = adopt(std::move(dialled->socket)); !adopted)
        return connect_failed(adopted.error());
    arm(connect_timeout);
}

void TcpConnection::connect_failed(const Error& error) {
    if (host_) {
        tcp_.loop_.unwatch(host_.get());
        host_.reset();
    }
    if (attempt_ == 0)
        first_error_ = error.sys_errno();
    if (error.kind() != ErrorKind::permission_denied && error.kind() != ErrorKind::not_found) {
        ++attempt_; // ends: the dialer knows few places
        return dial();
    }
    if (!is_unreachable(first_error_))
        return reset(true);
    tcp_.output_.unreachable({guest_, remote_, protocol_tcp, receive_next_ - 1},
                             reason_of(first_error_));
    reset(false);
}

void TcpConnection::host_event(std::uint32_t events) {
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        host_readable_ = true;
    const bool writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    host_writable_ = host_writable_ || writable;
    if (state_ == State::connecting && writable && !shakes_hands_)
        return finish_connecting();
    if (shakes_hands_)
        return shake_hands();
    if (state_ == State::established)
        pump();
}

void TcpConnection::finish_connecting() {
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(host_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        error = errno;
    if (error != 0) {
        host_readable_ = host_writable_ = false;
        return connect_failed(Error::from_errno(error, "connect", remote_.to_string()));
    }
    if (handshake_) {
        shakes_hands_ = true;
        return shake_hands();
    }
    answer_guest();
}

/// The host's side leads to where the guest wants to go.
void TcpConnection::answer_guest() {
    state_ = State::syn_received;
    deadline_ = Clock::time_point::max();
    send();
}

/// The socket is new, so it has room for a byte. One that has been closed meanwhile says so itself.
void TcpConnection::tell_accepted() {
    if (std::exchange(tells_accepted_, false))
        (void)::send(host_.get(), &member_accepted, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// The guest is answered when the peer has connected; until then only what the peer says is read.
void TcpConnection::shake_hands() {
    const auto failed = [this](const Error& error) {
        log::info("{}: {}", remote_.to_string(), error.message());
        shakes_hands_ = false;
        handshake_.reset();
        host_readable_ = host_writable_ = false;
        connect_failed(error);
    };
    Bytes answer(Handshake::most_answer);
    for (;;) {
        // The socket has room for it: nothing was sent before that was not answered.
        if (const Bytes output = handshake_->take_output();
            !output.empty() &&
            ::send(host_.get(), output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
                static_cast<ssize_t>(output.size()))
            return failed(Error(ErrorKind::unreachable,
                                std::string(handshake_->peer()) + " takes no request"));
        if (handshake_->done())
            break;
        // What comes behind the answer stays in the socket.
        const ssize_t count =
            ::recv(host_.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_PEEK);
        if (count == -1 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count <= 0)
            return failed(Error(ErrorKind::unreachable,
                                std::string(handshake_->peer()) + " has closed the connection"));
        const auto taken =
            handshake_->take(BytesView(answer).first(static_cast<std::size_t>(count)));
        if (!taken)
            return failed(taken.error());
        if (*taken == 0 && !handshake_->done())
            return;
        (void)::recv(host_.get(), answer.data(), *taken, MSG_DONTWAIT);
    }
    shakes_hands_ = false;
    handshake_.reset();
    host_readable_ = true;
    answer_guest();
}

bool TcpConnection::pump() {
    if (state_ == State::established)
        write_host();
    if (state_ == State::established) {
        read_host();
        if (opening_) // what the server says may clear what the guest said
            write_host();
        acknowledge_due_ = acknowledge_due_ || window_grew();
    }
    const bool room = send();
    give_memory_back();
    settle();
    return room;
}

/// Data, in either direction.
void TcpConnection::moved() {
    if (published_)
        tcp_.published_use_.note();
}

void TcpConnection::read_host() {
    while (host_readable_ && !host_ended_ && room_in(to_guest_) > 0) {
        const MutableBytesView space = to_guest_.prepare(std::min(room_in(to_guest_), read_piece));
        const ssize_t count = ::recv(host_.get(), space.data(), space.size(), MSG_DONTWAIT);
        if (count > 0) {
            to_guest_.commit(static_cast<std::size_t>(count));
            record_.received += static_cast<std::size_t>(count);
            if (opening_)
                opening_->server(space.first(static_cast<std::size_t>(count)));
            moved();
        } else if (count == 0) {
            host_ended_ = true;
        } else if (errno == EAGAIN || errno == EINTR) {
            host_readable_ = errno == EINTR;
        } else {
            host_failed_ = host_ended_ = true;
        }
    }
}

std::size_t TcpConnection::sendable() const {
    return opening_ ? cleared_ : to_host_.size();
}

/// Looks at what the guest opens the connection with. False: it may not be.
bool TcpConnection::look() {
    while (opening_) {
        using Kind = OpeningReader::Kind;
        auto step = opening_->next(to_host_.view().subspan(cleared_), guest_ended_);
        cleared_ += step.size;
        switch (step.kind) {
        case Kind::wait: return true;
        case Kind::passed: break;
        case Kind::over: opening_.reset(); break;
        case Kind::opening:
            record_.flow.opening = std::move(step.opening);
            if (!tcp_.dialer_.admit(record_.flow)) {
                record_.forget();
                reset(true);
                return false;
            }
            if (intercept())
                break;
            [[fallthrough]];
        case Kind::broken: reset(true); return false;
        }
    }
    return true;
}

/// Nothing of the guest's has gone out yet. What the host has said already is on its way to the guest.
Status TcpConnection::intercept() {
    OwnedFd instead = MSB_TRY(tcp_.dialer_.intercept(record_.flow, host_.get()));
    if (!instead)
        return {};
    if (host_ended_) // the guest was told so
        return fail(ErrorKind::unreachable, "the server has closed the connection");
    tcp_.loop_.unwatch(host_.get());
    host_readable_ = host_writable_ = false;
    MSB_TRY(adopt(std::move(instead)));
    record_.flow.intercepted = true;
    opening_.reset();
    return {};
}

void TcpConnection::write_host() {
    if (!look())
        return;
    while (sendable() > 0 && host_writable_) {
        const BytesView data = to_host_.view().first(sendable());
        const ssize_t count =
            ::send(host_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count >= 0) {
            to_host_.pop(static_cast<std::size_t>(count));
            record_.sent += static_cast<std::size_t>(count);
            cleared_ -= opening_ ? static_cast<std::size_t>(count) : 0;
            moved();
        } else if (errno == EAGAIN) {
            host_writable_ = false;
        } else if (errno != EINTR) {
            write_failed();
        }
    }
    end_host_writing();
}

/// The guest still gets what the host sent before it broke off.
void TcpConnection::write_failed() {
    host_failed_ = host_readable_ = true;
    host_writable_ = false;
    to_host_.clear();
    early_.clear();
    opening_.reset();
}

void TcpConnection::end_host_writing() {
    if (guest_ended_ && to_host_.empty() && !std::exchange(host_shut_, true))
        ::shutdown(host_.get(), SHUT_WR);
}

} // namespace msb::net
