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

/// Not REFUSED, which has stub resolvers ask again, and wait.
Bytes refusal(BytesView message, const dns::Query& query, const Error& reason) {
    return dns::make_answer(message, query, dns::Code::no_such_name, std::nullopt,
                            reason.message());
}

} // namespace

/// The forwarder's end of a guest's TCP connection (RFC 7766).
class DnsForwarder::Stream : public std::enable_shared_from_this<Stream> {
  public:
    Stream(DnsForwarder& forwarder, OwnedFd socket, const Endpoint& guest, const Endpoint& server)
        : forwarder_(forwarder), socket_(std::move(socket)), guest_(guest), server_(server) {}
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
            const BytesView message = in_.view().subspan(2, size);
            Asked asked{.message = Bytes(message.begin(), message.end()),
                        .query = {},
                        .guest = guest_,
                        .server = server_,
                        .stream = true};
            in_.consume(2 + size);
            ++waiting_;
            forwarder_.answer(std::move(asked), [weak = weak_from_this()](const Bytes& answer) {
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
    Endpoint guest_, server_;
    OutBuffer in_;
    OutBuffer out_;
    std::size_t waiting_ = 0; ///< questions without an answer
    bool ended_ = false;
    bool taking_ = false;
    EventLoop::TimerId timer_ = 0;
};

DnsForwarder::DnsForwarder(EventLoop& loop, Output& output, Dialer& gate, Config config)
    : loop_(loop), output_(output), gate_(gate), config_(std::move(config)),
      resolvers_(std::make_shared<Resolvers>(config_.resolvers)),
      resolver_file_(config_.resolver_file) {}

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

void DnsForwarder::set_resolvers(std::vector<Endpoint> addresses) {
    resolvers_ = std::make_shared<Resolvers>(std::move(addresses));
}

void DnsForwarder::datagram(const Endpoint& guest, const Endpoint& server, BytesView message) {
    Asked asked{.message = Bytes(message.begin(), message.end()),
                .query = {},
                .guest = guest,
                .server = server,
                .stream = false};
    answer(std::move(asked), [this, guest, server](const Bytes& answer) {
        if (answer.empty())
            return;
        output_.udp(server, guest, answer);
        output_.flush();
    });
}

Result<OwnedFd> DnsForwarder::open_stream(const Endpoint& guest, const Endpoint& server) {
    if (streams_.size() >= max_streams)
        return fail(Error::from_errno(ECONNREFUSED, "connect", "name server"));
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK));
    const auto stream = std::make_shared<Stream>(*this, std::move(sockets[0]), guest, server);
    MSB_TRY(stream->start());
    streams_[stream.get()] = stream;
    return std::move(sockets[1]);
}

bool DnsForwarder::is_gateway(const IpAddress& address) const {
    return address == config_.gateways.v4 || address == config_.gateways.v6;
}

// ---- questions ----

void DnsForwarder::answer(Asked asked, const Reply& reply) {
    const auto parsed = dns::parse_query(asked.message);
    if (!parsed)
        return reply({});
    asked.query = parsed->query;
    if (parsed->code != dns::Code::no_error)
        return reply(dns::make_answer(asked.message, asked.query, parsed->code));
    if (const auto answer = answer_of_network(asked))
        return reply(*answer);
    if (const Status admitted = admit(asked); !admitted)
        return reply(refusal(asked.message, asked.query, admitted.error()));
    if (const auto answer = answer_here(asked))
        return reply(*answer);
    if (exchanges_.size() >= max_exchanges)
        return reply(dns::make_answer(asked.message, asked.query, dns::Code::server_failure));
    ask(std::move(asked), reply);
}

Flow DnsForwarder::lookup_of(const Asked& asked) const {
    const auto& gateway = config_.gateways.v4 ? config_.gateways.v4 : config_.gateways.v6;
    return {.direction = Direction::out,
            .protocol = asked.stream ? Protocol::tcp : Protocol::udp,
            .source = asked.guest,
            .destination = {gateway.value_or(IpAddress()), dns_port},
            .names = {asked.query.question.name},
            .lookup = true};
}

/// By the name, and by the server if it is not ours.
Status DnsForwarder::admit(const Asked& asked) {
    MSB_TRY(gate_.admit(lookup_of(asked)));
    if (is_gateway(asked.server.address))
        return {};
    return gate_.admit({.direction = Direction::out,
                        .protocol = asked.stream ? Protocol::tcp : Protocol::udp,
                        .source = asked.guest,
                        .destination = asked.server});
}

/// Who is in the sandbox's private network is no secret from it, and nobody outside is asked: so no rule
/// is needed to look a member up. Whether it may be reached is another question.
std::optional<Bytes> DnsForwarder::answer_of_network(const Asked& asked) const {
    const dns::Question& question = asked.query.question;
    if (config_.membership == nullptr || question.type_class != dns::class_in)
        return std::nullopt;
    const auto found = config_.membership->look_up(question.name);
    if (!found)
        return std::nullopt;
    std::optional<IpAddress> address;
    if (found->address && question.type == dns::type_a)
        address = found->address;
    if (found->address && question.type == dns::type_aaaa)
        address = member_v6(*found->address);
    return dns::make_answer(asked.message, asked.query,
                            found->exists ? dns::Code::no_error : dns::Code::no_such_name, address);
}

std::optional<Bytes> DnsForwarder::answer_here(const Asked& asked) const {
    const dns::Question& question = asked.query.question;
    const auto& gateway =
        question.type == dns::type_aaaa ? config_.gateways.v6 : config_.gateways.v4;
    const bool address = question.type_class == dns::class_in &&
                         (question.type == dns::type_a || question.type == dns::type_aaaa);
    if (address && !gateway) // a family that the guest does not have
        return dns::make_answer(asked.message, asked.query, dns::Code::no_error);
    if (question.name == host_alias)
        return dns::make_answer(asked.message, asked.query, dns::Code::no_error,
                                address ? gateway : std::nullopt);
    return std::nullopt;
}

void DnsForwarder::ask(Asked asked, const Reply& reply) {
    if (auto resolvers = resolver_file_.changed(ResolverFile::Clock::now());
        resolvers && *resolvers != resolvers_->addresses)
        set_resolvers(std::move(*resolvers));
    const std::uint64_t number = next_exchange_++;
    const auto resolvers = is_gateway(asked.server.address)
                               ? resolvers_
                               : std::make_shared<Resolvers>(std::vector<Endpoint>{asked.server});
    auto done = [this, number, asked, reply](std::optional<Bytes> answer) {
        const auto self = exchanges_.extract(number); // lives until we return
        reply(pass_on(asked, std::move(answer)));
    };
    auto exchange = std::make_unique<DnsExchange>(loop_, resolvers, asked.message, asked.query,
                                                  asked.stream, config_.time, std::move(done));
    exchange->start();
    exchanges_.emplace(number, std::move(exchange));
}

// ---- answers ----

Bytes DnsForwarder::pass_on(const Asked& asked, std::optional<Bytes> answer) {
    const std::size_t question_end = asked.query.question.end;
    const auto failure = [&] {
        return dns::make_answer(asked.message, asked.query, dns::Code::server_failure);
    };
    if (!answer)
        return failure();
    if (answer->size() < question_end)
        return std::move(*answer);  // an error without the question
    if (dns::is_truncated(*answer)) // the rest of it is asked for over TCP
        return dns::truncate(*answer, question_end);
    auto contents = dns::read_contents(*answer, question_end);
    if (!contents)
        return failure();
    if (const Status admitted = judge(asked, *contents); !admitted)
        return refusal(asked.message, asked.query, admitted.error());
    // Addresses are asked for, and then judged. Who hides whom it asks for cannot be let through.
    constexpr std::array unwanted = {dns::ServiceKey::ipv4_hint, dns::ServiceKey::ipv6_hint,
                                     dns::ServiceKey::ech};
    const std::size_t count = gate_.has_names() ? unwanted.size() : unwanted.size() - 1;
    if (!dns::remove_service_keys(*answer, question_end, std::span(unwanted).first(count)))
        return failure();
    if (!asked.stream && answer->size() > asked.query.answer_size)
        return dns::truncate(*answer, question_end);
    return std::move(*answer);
}

/// Remembers the addresses of an answer that may be given. What another server says counts for
/// nothing: it may be the guest's own.
Status DnsForwarder::judge(const Asked& asked, dns::Contents& contents) {
    if (!contents.aliases.empty()) {
        Flow flow = lookup_of(asked);
        flow.aliases = std::move(contents.aliases);
        MSB_TRY(gate_.admit(flow));
    }
    for (const IpAddress& address : contents.addresses)
        MSB_TRY(gate_.admit_answer(address));
    const std::uint16_t type = asked.query.question.type;
    if (!contents.addresses.empty() && is_gateway(asked.server.address) &&
        (type == dns::type_a || type == dns::type_aaaa))
        names_.learn(asked.query.question.name, contents.addresses,
                     std::chrono::seconds(contents.ttl), NameMemory::Clock::now());
    return {};
}

} // namespace msb::net
