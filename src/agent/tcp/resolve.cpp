#include "agent/tcp/resolve.hpp"

#include "base/system.hpp"
#include "dns/message.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

namespace msb::agent {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t max_file = std::size_t{1} << 20;
constexpr std::size_t max_message = 65535;
/// How often a lookup sees whether it is still wanted.
constexpr auto check_period = 100ms;
/// Once one family is known, the other gets this much longer.
constexpr auto second_family_time = 300ms;

/// The beginning of a regular file; nothing of a pipe, device or absent file.
std::string read_file(const std::string& path) {
    const auto fd = sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd)
        return {};
    const auto info = sys::fstat(fd->get());
    if (!info || !S_ISREG(info->st_mode))
        return {};
    std::string text;
    std::array<std::uint8_t, 16384> buffer;
    while (text.size() < max_file) {
        const auto count = sys::read(fd->get(), buffer);
        if (!count || *count == 0)
            break;
        text.append(as_text(BytesView(buffer).first(*count)));
    }
    return text;
}

/// One name, one server.
class Exchange {
  public:
    Exchange(const IpAddress& server, std::uint16_t port, Clock::time_point deadline,
             const std::atomic<bool>& cancelled)
        : server_(Endpoint{server, port}), deadline_(deadline), cancelled_(cancelled) {}

    /// Answers for A and AAAA; unreachable if the server gave none in time.
    Result<std::array<std::optional<dns::Answer>, 2>> ask(std::string_view name);

  private:
    Result<OwnedFd> connect(int type) const;
    Status wait(int fd, short events) const;
    /// The same question over TCP, when the answer did not fit a datagram.
    Result<dns::Answer> ask_stream(BytesView question) const;
    Status transfer(int fd, MutableBytesView buffer, bool sending) const;

    SocketAddress server_;
    Clock::time_point deadline_;
    const std::atomic<bool>& cancelled_;
};

Result<OwnedFd> Exchange::connect(int type) const {
    OwnedFd fd(::socket(server_.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno("socket", "name server");
    // Connected, so that the kernel drops what others send.
    if (::connect(fd.get(), server_.get(), server_.size) == -1 && errno != EINPROGRESS)
        return fail_errno("connect", "name server");
    return fd;
}

Status Exchange::wait(int fd, short events) const {
    while (!cancelled_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
        if (left <= 0ms)
            return fail(ErrorKind::timed_out, "the name server does not answer");
        if (MSB_TRY(sys::wait_for(fd, events, std::min(left, check_period))))
            return {};
    }
    return fail(ErrorKind::cancelled, "given up");
}

Result<std::array<std::optional<dns::Answer>, 2>> Exchange::ask(std::string_view name) {
    static constexpr std::array<std::uint16_t, 2> types = {dns::type_a, dns::type_aaaa};
    std::array<std::optional<Bytes>, 2> questions;
    std::array<std::uint16_t, 2> ids{};
    if (::getrandom(ids.data(), sizeof(ids), 0) != sizeof(ids))
        return fail_errno("getrandom");
    const OwnedFd fd = MSB_TRY(connect(SOCK_DGRAM));
    for (std::size_t i = 0; i < types.size(); ++i) {
        questions[i] = dns::make_question(ids[i], name, types[i]);
        if (!questions[i])
            return fail(ErrorKind::not_found, "it cannot be a host name");
        if (::send(fd.get(), questions[i]->data(), questions[i]->size(), MSG_NOSIGNAL) == -1)
            return fail_errno("send", "name server");
    }
    std::array<std::optional<dns::Answer>, 2> answers;
    Bytes buffer(max_message);
    while (!answers[0] || !answers[1]) {
        if (const Status ready = wait(fd.get(), POLLIN); !ready) {
            if (ready.error().kind() == ErrorKind::timed_out && (answers[0] || answers[1]))
                break;
            return fail(ready.error());
        }
        const ssize_t count = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return fail_errno("recv", "name server"); // nobody listens there, for one
        if (count <= 0)
            continue;
        const BytesView message = BytesView(buffer).first(static_cast<std::size_t>(count));
        for (std::size_t i = 0; i < types.size(); ++i) {
            auto answer = answers[i] ? std::nullopt : dns::parse_answer(message, *questions[i]);
            if (!answer)
                continue;
            if (answer->outcome == dns::Answer::Outcome::truncated)
                answer = MSB_TRY(ask_stream(*questions[i]));
            if (answer->outcome == dns::Answer::Outcome::addresses)
                deadline_ = std::min(deadline_, Clock::now() + second_family_time);
            answers[i] = std::move(answer);
        }
    }
    return answers;
}

Status Exchange::transfer(int fd, MutableBytesView buffer, bool sending) const {
    while (!buffer.empty()) {
        MSB_TRY(wait(fd, sending ? POLLOUT : POLLIN));
        const ssize_t count = sending ? ::send(fd, buffer.data(), buffer.size(), MSG_NOSIGNAL)
                                      : ::recv(fd, buffer.data(), buffer.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (count < 0)
            return fail_errno(sending ? "send" : "recv", "name server");
        if (count == 0)
            return fail(ErrorKind::protocol, "the name server closed the connection");
        buffer = buffer.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Result<dns::Answer> Exchange::ask_stream(BytesView question) const {
    const OwnedFd fd = MSB_TRY(connect(SOCK_STREAM));
    Bytes message(2);
    store_be(MutableBytesView(message), static_cast<std::uint16_t>(question.size()));
    message.insert(message.end(), question.begin(), question.end());
    MSB_TRY(transfer(fd.get(), message, true));
    message.resize(2);
    MSB_TRY(transfer(fd.get(), message, false));
    message.resize(load_be<std::uint16_t>(message));
    MSB_TRY(transfer(fd.get(), message, false));
    auto answer = dns::parse_answer(message, question);
    if (!answer)
        return fail(ErrorKind::protocol, "the name server answered something else");
    return std::move(*answer);
}

/// Asks one server after the other until one knows. An empty list: the name has no address.
Result<std::vector<IpAddress>> ask_servers(const dns::ResolverConfig& config, std::uint16_t port,
                                           const std::string& name, Clock::time_point deadline,
                                           const std::atomic<bool>& cancelled) {
    Error last(ErrorKind::unreachable, "no name server is configured in /etc/resolv.conf");
    for (unsigned attempt = 0; attempt < config.attempts; ++attempt)
        for (const IpAddress& server : config.servers) {
            const auto until =
                std::min(deadline, Clock::now() + std::chrono::seconds(config.seconds));
            const auto answers = Exchange(server, port, until, cancelled).ask(name);
            if (cancelled)
                return fail(ErrorKind::cancelled, "given up");
            if (!answers) {
                last = Error(answers.error());
                if (last.kind() == ErrorKind::not_found)
                    return std::vector<IpAddress>();
                last = std::move(last).with_kind(ErrorKind::unreachable);
                if (Clock::now() >= deadline)
                    return fail(std::move(last));
                continue;
            }
            std::vector<IpAddress> addresses;
            bool refused = false;
            for (const auto& answer : *answers) {
                if (!answer)
                    continue;
                addresses.insert(addresses.end(), answer->addresses.begin(),
                                 answer->addresses.end());
                refused = refused || answer->outcome == dns::Answer::Outcome::server_failed;
            }
            if (!addresses.empty() || !refused)
                return addresses;
            last = Error(ErrorKind::unreachable, "the name server refuses or fails to answer");
        }
    return fail(std::move(last));
}

bool is_localhost(std::string_view host) {
    return host.empty() || host == "localhost" || host == "localhost." ||
           host.ends_with(".localhost");
}

} // namespace

std::vector<IpAddress> resolve_at_once(std::string_view host) {
    if (is_localhost(host)) // RFC 6761 §6.3: never asked for
        return {IpAddress::loopback(false), IpAddress::loopback(true)};
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    if (const auto address = IpAddress::parse_scoped(host))
        return {*address};
    return {};
}

Result<std::vector<IpAddress>> resolve(const std::string& host, const LookupSources& sources,
                                       Clock::time_point deadline,
                                       const std::atomic<bool>& cancelled) {
    const auto found = dns::find_in_hosts(read_file(sources.hosts), host);
    if (!found.empty()) {
        std::vector<IpAddress> ordered;
        ordered.reserve(found.size());
        for (const bool v6 : {false, true})
            std::ranges::copy_if(found, std::back_inserter(ordered),
                                 [&](const IpAddress& address) { return address.v6 == v6; });
        return ordered;
    }
    const dns::ResolverConfig config =
        dns::parse_resolver_config(read_file(sources.resolver_config));
    if (config.servers.empty())
        return fail(ErrorKind::unreachable, "it is not in /etc/hosts, and /etc/resolv.conf names "
                                            "no name server");
    for (const std::string& name : dns::candidate_names(config, host)) {
        auto addresses = MSB_TRY(ask_servers(config, sources.port, name, deadline, cancelled));
        if (!addresses.empty())
            return addresses;
    }
    return fail(ErrorKind::not_found, "no such host");
}

} // namespace msb::agent
