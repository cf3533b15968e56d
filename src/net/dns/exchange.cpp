#include "net/dns/exchange.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

namespace msb::net::dns {

namespace {

constexpr std::size_t largest_message = 65535;
/// Answers to other questions that are looked at before we give up on a socket.
constexpr int round_budget = 16;

} // namespace

Exchange::Exchange(EventLoop& loop, Resolvers& resolvers, BytesView message, const Query& query,
                   bool stream, Done done)
    : loop_(loop), resolvers_(resolvers), message_(message.begin(), message.end()),
      asked_id_(query.id), question_end_(query.question.end), stream_(stream),
      done_(std::move(done)), give_up_(EventLoop::Clock::now() + total_time) {
    // An id, and through the kernel a port, that nobody can guess.
    (void)!::getrandom(&id_, sizeof(id_), GRND_NONBLOCK);
    store_be(MutableBytesView(message_), id_);
}

Exchange::~Exchange() {
    stop_asking();
}

void Exchange::start() {
    timer_ = loop_.after(std::chrono::milliseconds(0), [this] {
        timer_ = 0;
        ask();
    });
}

void Exchange::stop_asking() {
    loop_.cancel(timer_);
    timer_ = 0;
    if (socket_)
        loop_.unwatch(socket_.get());
    socket_.reset();
    in_.clear();
}

void Exchange::ask() {
    const std::size_t count = resolvers_.addresses.size();
    // Twice each: a datagram may be lost.
    while (attempt_ < 2 * count && EventLoop::Clock::now() < give_up_) {
        const auto& resolver = resolvers_.addresses[(resolvers_.preferred + attempt_) % count];
        const Status asked = connect(resolver);
        if (asked) {
            const auto patience = std::min<EventLoop::Clock::duration>(
                stream_ ? total_time : time_of_one, give_up_ - EventLoop::Clock::now());
            timer_ = loop_.after(patience, [this] {
                timer_ = 0;
                next();
            });
            return;
        }
        log::debug("resolver {}: {}", resolver.to_string(), asked.error().to_string());
        stop_asking();
        ++attempt_;
    }
    finish(std::nullopt);
}

void Exchange::next() {
    stop_asking();
    ++attempt_;
    ask();
}

Status Exchange::connect(const Endpoint& resolver) {
    const int type = (stream_ ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    socket_ = OwnedFd(::socket(resolver.address.v6 ? AF_INET6 : AF_INET, type, 0));
    if (!socket_)
        return fail_errno("socket");
    SocketAddress address(resolver);
    if (::connect(socket_.get(), address.get(), address.size) == -1 && errno != EINPROGRESS)
        return fail_errno("connect", resolver.to_string());
    std::uint32_t events = EPOLLIN;
    if (stream_) {
        std::array<std::uint8_t, 2> size;
        store_be(MutableBytesView(size), static_cast<std::uint16_t>(message_.size()));
        out_.clear();
        out_.append(size);
        out_.append(message_);
        events |= EPOLLOUT;
    } else if (::send(socket_.get(), message_.data(), message_.size(), MSG_NOSIGNAL) == -1) {
        return fail_errno("send", resolver.to_string());
    }
    return loop_.watch(socket_.get(), events, [this](std::uint32_t ready) { event(ready); });
}

void Exchange::event(std::uint32_t events) {
    if (!stream_)
        return receive_datagram();
    if ((events & EPOLLOUT) != 0 && !out_.empty()) {
        send_rest();
        if (!socket_ || !out_.empty())
            return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        receive_stream();
}

void Exchange::receive_datagram() {
    for (int i = 0; i < round_budget; ++i) {
        Bytes answer(largest_message);
        const ssize_t count = ::recv(socket_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
        if (count == -1)
            return errno == EAGAIN || errno == EINTR ? void() : next();
        answer.resize(static_cast<std::size_t>(count));
        const BytesView question =
            BytesView(message_).subspan(header_size, question_end_ - header_size);
        if (answers(answer, id_, question))
            return finish(std::move(answer));
    }
    next();
}

void Exchange::send_rest() {
    const BytesView data = out_.view();
    const ssize_t count = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count == -1)
        return errno == EAGAIN || errno == EINTR ? void() : next();
    out_.consume(static_cast<std::size_t>(count));
    if (out_.empty() && !loop_.modify(socket_.get(), EPOLLIN))
        next();
}

void Exchange::receive_stream() {
    std::array<std::uint8_t, 4096> piece;
    const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count <= 0)
        return count == -1 && (errno == EAGAIN || errno == EINTR) ? void() : next();
    in_.insert(in_.end(), piece.begin(), piece.begin() + count);
    if (in_.size() < 2)
        return;
    const std::size_t size = load_be<std::uint16_t>(in_);
    if (in_.size() < 2 + size)
        return;
    Bytes answer(in_.begin() + 2, in_.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    const BytesView question =
        BytesView(message_).subspan(header_size, question_end_ - header_size);
    if (!answers(answer, id_, question))
        return next();
    finish(std::move(answer));
}

void Exchange::finish(std::optional<Bytes> answer) {
    stop_asking();
    if (answer) {
        store_be(MutableBytesView(*answer), asked_id_);
        const std::size_t count = resolvers_.addresses.size();
        resolvers_.preferred = (resolvers_.preferred + attempt_) % count;
    }
    const Done done = std::move(done_);
    done(std::move(answer));
}

} // namespace msb::net::dns
