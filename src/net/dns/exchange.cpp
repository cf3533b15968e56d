#include "net/dns/exchange.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr std::size_t largest_message = 65535;
/// Most unrelated answers that are read in one turn.
constexpr int round_budget = 16;

} // namespace

DnsExchange::DnsExchange(EventLoop& loop, std::shared_ptr<Resolvers> resolvers, BytesView message,
                         const dns::Query& query, bool stream, std::chrono::milliseconds time,
                         Done done)
    : loop_(loop), resolvers_(std::move(resolvers)), message_(message.begin(), message.end()),
      asked_id_(query.id), question_end_(query.question.end), stream_(stream),
      done_(std::move(done)), first_(resolvers_->preferred),
      give_up_(EventLoop::Clock::now() + time) {
    // An id, and through the kernel a port, that nobody can guess.
    (void)!::getrandom(&id_, sizeof(id_), GRND_NONBLOCK);
    store_be(MutableBytesView(message_), id_);
}

DnsExchange::~DnsExchange() {
    stop_asking();
}

void DnsExchange::start() {
    wait(std::chrono::milliseconds(0));
}

void DnsExchange::stop_asking() {
    loop_.cancel(timer_);
    timer_ = 0;
    for (const Asked& asked : asked_)
        loop_.unwatch(asked.socket.get());
    asked_.clear();
}

void DnsExchange::wait(EventLoop::Clock::duration time) {
    loop_.cancel(timer_);
    timer_ = loop_.after(std::chrono::ceil<std::chrono::milliseconds>(time), [this] {
        timer_ = 0;
        ask();
    });
}

// ---- asking ----

/// Asks the next resolver; when all were asked, waits for answers until the time is over.
void DnsExchange::ask() {
    const auto left = give_up_ - EventLoop::Clock::now();
    const std::size_t count = resolvers_->addresses.size();
    // Twice each: a datagram may be lost.
    while (attempts_ < 2 * count && left > left.zero())
        if (ask((first_ + attempts_++) % count))
            return wait(std::min<EventLoop::Clock::duration>(time_of_one, left));
    if (asked_.empty() || left <= left.zero())
        return finish(std::nullopt);
    wait(left);
}

/// False: this resolver cannot be asked, or was already asked over TCP, where nothing is lost.
bool DnsExchange::ask(std::size_t resolver) {
    const auto again = std::ranges::find(asked_, resolver, &Asked::resolver);
    if (again != asked_.end()) {
        std::rotate(again, again + 1, asked_.end());
        return !stream_ && ::send(asked_.back().socket.get(), message_.data(), message_.size(),
                                  MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
    }
    Asked asked{.resolver = resolver};
    const Status done = connect(asked);
    if (!done)
        log::debug("resolver {}: {}", resolvers_->addresses[resolver].to_string(),
                   done.error().to_string());
    else
        asked_.push_back(std::move(asked));
    return done.has_value();
}

Status DnsExchange::connect(Asked& asked) {
    const Endpoint& resolver = resolvers_->addresses[asked.resolver];
    const int type = (stream_ ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    asked.socket = OwnedFd(::socket(resolver.address.v6 ? AF_INET6 : AF_INET, type, 0));
    if (!asked.socket)
        return fail_errno("socket");
    const int fd = asked.socket.get();
    const SocketAddress address(resolver);
    if (::connect(fd, address.get(), address.size) == -1 && errno != EINPROGRESS)
        return fail_errno("connect", resolver.to_string());
    std::uint32_t events = EPOLLIN;
    if (stream_) {
        std::array<std::uint8_t, 2> size;
        store_be(MutableBytesView(size), static_cast<std::uint16_t>(message_.size()));
        asked.out.append(size);
        asked.out.append(message_);
        events |= EPOLLOUT;
    } else if (::send(fd, message_.data(), message_.size(), MSG_NOSIGNAL) == -1) {
        return fail_errno("send", resolver.to_string());
    }
    return loop_.watch(fd, events, [this, fd](std::uint32_t ready) { event(fd, ready); });
}

/// This resolver will not answer any more. If it was the last one asked, the next is asked at once.
void DnsExchange::failed(Asked& asked) {
    const bool last = &asked == &asked_.back();
    loop_.unwatch(asked.socket.get());
    asked_.erase(asked_.begin() + (&asked - asked_.data()));
    if (last)
        wait(std::chrono::milliseconds(0));
}

// ---- answers ----

void DnsExchange::event(int socket, std::uint32_t events) {
    const auto found =
        std::ranges::find(asked_, socket, [](const Asked& asked) { return asked.socket.get(); });
    if (found == asked_.end())
        return;
    if (!stream_)
        return receive_datagrams(*found);
    if ((events & EPOLLOUT) != 0 && !found->out.empty())
        return send_rest(*found);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        receive_stream(*found);
}

BytesView DnsExchange::question() const {
    return BytesView(message_).subspan(dns::header_size, question_end_ - dns::header_size);
}

bool DnsExchange::is_answer(BytesView message) const {
    return dns::answers(message, id_, question());
}

void DnsExchange::receive_datagrams(Asked& asked) {
    Bytes answer(largest_message);
    for (int i = 0; i < round_budget; ++i) {
        const ssize_t count =
            ::recv(asked.socket.get(), answer.data(), answer.size(), MSG_DONTWAIT);
        if (count == -1)
            return errno == EAGAIN || errno == EINTR ? void() : failed(asked);
        const BytesView message = BytesView(answer).first(static_cast<std::size_t>(count));
        if (is_answer(message))
            return take(asked, Bytes(message.begin(), message.end()));
    }
}

void DnsExchange::send_rest(Asked& asked) {
    const BytesView data = asked.out.view();
    const ssize_t count = ::send(asked.socket.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count == -1)
        return errno == EAGAIN || errno == EINTR ? void() : failed(asked);
    asked.out.consume(static_cast<std::size_t>(count));
    if (asked.out.empty() && !loop_.modify(asked.socket.get(), EPOLLIN))
        failed(asked);
}

void DnsExchange::receive_stream(Asked& asked) {
    std::array<std::uint8_t, 4096> piece;
    const ssize_t count = ::recv(asked.socket.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count <= 0)
        return count == -1 && (errno == EAGAIN || errno == EINTR) ? void() : failed(asked);
    Bytes& in = asked.in;
    in.insert(in.end(), piece.begin(), piece.begin() + count);
    if (in.size() < 2)
        return;
    const std::size_t size = load_be<std::uint16_t>(in);
    if (in.size() < 2 + size)
        return;
    const BytesView message = BytesView(in).subspan(2, size);
    if (!is_answer(message))
        return failed(asked);
    take(asked, Bytes(message.begin(), message.end()));
}

void DnsExchange::take(Asked& asked, Bytes answer) {
    if (dns::is_no_help(answer)) {
        no_help_ = std::move(answer);
        return failed(asked);
    }
    resolvers_->preferred = asked.resolver;
    finish(std::move(answer));
}

void DnsExchange::finish(std::optional<Bytes> answer) {
    stop_asking();
    if (!answer)
        answer = std::move(no_help_);
    if (answer) {
        store_be(MutableBytesView(*answer), asked_id_);
        // In the very case in which it was asked, which some askers insist on.
        if (answer->size() >= question_end_)
            std::ranges::copy(question(), answer->begin() + dns::header_size);
    }
    const Done done = std::move(done_);
    done(std::move(answer));
}

} // namespace msb::net
