#include "net/dns/forwarder.hpp"

#include "base/log.hpp"
#include "base/out_buffer.hpp"
#include "base/system.hpp"
#include "net/policy/rules.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr auto stream_idle_time = std::chrono::seconds(30);
constexpr std::size_t questions_at_once = 16; ///< of one stream; then it is not read
constexpr std::size_t most_unsent = std::size_t{256} << 10;

} // namespace

/// The forwarder's end of a guest's TCP connection (RFC 7766).
class DnsForwarder::Stream : public std::enable_shared_from_this<Stream> {
  public:
    Stream(DnsForwarder& forwarder, OwnedFd socket)
        : forwarder_(forwarder), socket_(std::move(socket)) {}
    ~Stream() { close(); }

    Status start() {
        restart_timer();
        return forwarder_.loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t events) {
            const auto keep = shared_from_this();
            event(events);
        });
    }
    void close() {
        if (!socket_)
            return;
        forwarder_.loop_.unwatch(socket_.get());
        forwarder_.loop_.cancel(timer_);
        socket_.reset();
    }

  private:
    void end() {
        close();
        forwarder_.forget(*this);
    }
    void restart_timer() {
        forwarder_.loop_.cancel(timer_);
        timer_ = forwarder_.loop_.after(stream_idle_time, [this] { end(); });
    }
    void event(std::uint32_t events) {
        if ((events & EPOLLOUT) != 0 && !flush())
            return end();
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !ended_ && !read())
            return end();
        if ((events & EPOLLHUP) != 0 && ended_)
            return end(); // nobody takes an answer any more, and this event would repeat for ever
        settle();
    }
    bool read() {
        std::array<std::uint8_t, 4096> piece;
        const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
        if (count == -1)
            return errno == EAGAIN || errno == EINTR;
        ended_ = count == 0;
        in_.append(BytesView(piece).first(static_cast<std::size_t>(count)));
        restart_timer();
        take_questions();
        return true;
    }
    void take_questions() {
        if (std::exchange(taking_, true))
            return; // a question was answered at once
        while (socket_ && waiting_ < questions_at_once && in_.size() >= 2) {
            const std::size_t size = load_be<std::uint16_t>(in_.view());
            if (in_.size() < 2 + size)
                break;
            const Bytes message(in_.view().begin() + 2,
                                in_.view().begin() + 2 + static_cast<std::ptrdiff_t>(size));
            in_.consume(2 + size);
            ++waiting_;
            forwarder_.answer(message, true, [weak = weak_from_this()](const Bytes& answer) {
                if (const auto stream = weak.lock())
                    stream->reply(answer);
            });
        }
        taking_ = false;
    }
    void reply(const Bytes& answer) {
        if (!socket_)
            return;
        --waiting_;
        if (!answer.empty()) {
            std::array<std::uint8_t, 2> size;
            store_be(MutableBytesView(size), static_cast<std::uint16_t>(answer.size()));
            out_.append(size);
            out_.append(answer);
        }
        if (out_.size() > most_unsent || !flush())
            return end();
        restart_timer();
        take_questions();
        settle();
    }
    bool flush() {
        while (!out_.empty()) {
            const BytesView data = out_.view();
            const ssize_t count =
                ::send(socket_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count == -1)
                return errno == EAGAIN || errno == EINTR;
            out_.consume(static_cast<std::size_t>(count));
        }
        return true;
    }
    /// Waits for what can come next, or ends when nothing can.
    void settle() {
        if (!socket_)
            return;
        if (ended_ && waiting_ == 0 && out_.empty())
            return end();
        const bool reads = !ended_ && waiting_ < questions_at_once;
        const std::uint32_t events = (reads ? EPOLLIN : 0U) | (out_.empty() ? 0U : EPOLLOUT);
        if (!forwarder_.loop_.modify(socket_.get(), events))
            end();
    }

    DnsForwarder& forwarder_;
    OwnedFd socket_;
    OutBuffer in_;
    OutBuffer out_;
    std::size_t waiting_ = 0; ///< questions without an answer
    bool ended_ = false;
    bool taking_ = false;
    EventLoop::TimerId timer_ = 0;
};

DnsForwarder::DnsForwarder(EventLoop& loop, Output& output, Dialer& gate, Config config)
    : loop_(loop), output_(output), gate_(gate), config_(std::move(config)),
      resolvers_{config_.resolvers, 0} {}

DnsForwarder::~DnsForwarder() {
    link_reset();
}

void DnsForwarder::link_reset() {
    exchanges_.clear();
    names_.clear();
    const auto streams = std::move(streams_);
    streams_.clear();
    for (const auto& [raw, stream] : streams)
        stream->close();
}

void DnsForwarder::forget(Stream& stream) {
    streams_.erase(&stream);
}

void DnsForwarder::datagram(const Endpoint& guest, const Endpoint& server, BytesView message) {
    answer(message, false, [this, guest, server](const Bytes& answer) {
        if (answer.empty())
            return;
        output_.udp(server, guest, answer);
        output_.flush();
    });
}

Result<OwnedFd> DnsForwarder::open_stream() {
    if (streams_.size() >= max_streams)
        return fail(Error::from_errno(ECONNREFUSED, "connect", "name server"));
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK));
    const auto stream = std::make_shared<Stream>(*this, std::move(sockets[0]));
    MSB_TRY(stream->start());
    streams_[stream.get()] = stream;
    return std::move(sockets[1]);
}

void DnsForwarder::answer(BytesView message, bool stream, const Reply& reply) {
    const auto parsed = dns::parse_query(message);
    if (!parsed)
        return reply({});
    const dns::Query& query = parsed->query;
    if (parsed->code != dns::Code::no_error)
        return reply(dns::make_answer(message, query, parsed->code));
    // Not REFUSED, which has stub resolvers ask again, and wait.
    if (!admit(query.question, stream))
        return reply(dns::make_answer(message, query, dns::Code::no_such_name, std::nullopt, true));
    if (const auto answer = answer_here(message, query))
        return reply(*answer);
    if (exchanges_.size() >= max_exchanges)
        return reply(dns::make_answer(message, query, dns::Code::server_failure));
    const std::uint64_t number = next_exchange_++;
    auto done = [this, number, query, stream, reply,
                 asked = Bytes(message.begin(), message.end())](std::optional<Bytes> answer) {
        const auto self = exchanges_.extract(number); // lives until we return
        if (answer)
            learn(asked, query.question, *answer);
        else
            answer = dns::make_answer(asked, query, dns::Code::server_failure);
        if (!stream && answer->size() > query.answer_size)
            answer = dns::truncate(*answer, query.question.end);
        reply(*answer);
    };
    auto exchange = std::make_unique<DnsExchange>(loop_, resolvers_, message, query, stream, done);
    exchange->start();
    exchanges_.emplace(number, std::move(exchange));
}

Status DnsForwarder::admit(const dns::Question& question, bool stream) {
    const auto& gateway = config_.gateways.v4 ? config_.gateways.v4 : config_.gateways.v6;
    return gate_.admit({.direction = Direction::out,
                        .protocol = stream ? Protocol::tcp : Protocol::udp,
                        .source = {},
                        .destination = {gateway.value_or(IpAddress()), dns_port},
                        .names = {question.name},
                        .lookup = true});
}

void DnsForwarder::learn(BytesView asked, const dns::Question& question, BytesView answer) {
    if (question.type_class != dns::class_in ||
        (question.type != dns::type_a && question.type != dns::type_aaaa))
        return;
    const auto parsed = dns::parse_answer(answer, asked.first(question.end));
    if (parsed && !parsed->addresses.empty())
        names_.learn(question.name, parsed->addresses, std::chrono::seconds(parsed->ttl),
                     NameMemory::Clock::now());
}

std::optional<Bytes> DnsForwarder::answer_here(BytesView message, const dns::Query& query) const {
    const dns::Question& question = query.question;
    const auto& gateway =
        question.type == dns::type_aaaa ? config_.gateways.v6 : config_.gateways.v4;
    const bool address = question.type_class == dns::class_in &&
                         (question.type == dns::type_a || question.type == dns::type_aaaa);
    if (address && !gateway) // a family that the guest does not have
        return dns::make_answer(message, query, dns::Code::no_error);
    if (question.name == host_alias)
        return dns::make_answer(message, query, dns::Code::no_error,
                                address ? gateway : std::nullopt);
    return std::nullopt;
}

} // namespace msb::net
