#include "net/deny/http_denials.hpp"

#include "base/system.hpp"
#include "net/deny/answer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr std::size_t longest_head = std::size_t{8} << 10;
constexpr std::size_t longest_method = 16;
constexpr auto patience = std::chrono::seconds(10);

/// Whether it may become a request: a method in capitals.
bool like_http(std::string_view text) {
    const std::size_t end = std::min(text.find(' '), text.size());
    return end <= longest_method && (end > 0 || text.empty()) &&
           std::ranges::all_of(text.substr(0, end), [](char c) { return c >= 'A' && c <= 'Z'; });
}

} // namespace

std::string denial_response(std::string_view request, std::string_view reason,
                            std::string_view remedy, std::string_view name) {
    return http_answer(request, {.status = "403 Forbidden",
                                 .code = "network_policy_denied",
                                 .lead = "msb: the sandbox's network policy refuses this",
                                 .reason = reason,
                                 .remedy_lead = "What allows it, on the host",
                                 .remedy = remedy,
                                 .name = name});
}

std::string remedy_for(const Flow& flow, std::string_view sandbox) {
    const IpAddress& address = flow.destination.address;
    const std::string text = address.to_string();
    const std::string target = !flow.names.empty() ? flow.names.front()
                               : address.v6        ? "[" + text + "]"
                                                   : text;
    return "msb modify " + std::string(sandbox) + " --net-rule 'allow@" + target +
           ":tcp:" + std::to_string(flow.destination.port) + "'";
}

Result<OwnedFd> HttpDenials::open(const Flow& flow, std::string_view reason) {
    if (visitors_.size() >= max_visitors)
        return fail(ErrorKind::limit_exceeded, "too many refused connections");
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK));
    const int number = sockets[0].get();
    // Edge-triggered: what is no whole request is left where it is.
    MSB_TRY(loop_.watch(number, EPOLLIN | EPOLLRDHUP | EPOLLET,
                        [this, number](std::uint32_t) { event(number); }));
    Visitor& visitor = visitors_[number];
    visitor.socket = std::move(sockets[0]);
    visitor.reason = reason;
    visitor.remedy = remedy_for(flow, sandbox_);
    visitor.name = flow.names.empty() ? "" : flow.names.front();
    visitor.timer = loop_.after(patience, [this, number] { drop(number); });
    return std::move(sockets[1]);
}

void HttpDenials::event(int socket) {
    Visitor& visitor = visitors_.at(socket);
    std::array<char, longest_head> bytes;
    for (;;) {
        const int flags = MSG_DONTWAIT | (visitor.answered ? 0 : MSG_PEEK);
        const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), flags);
        if (count == -1 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count <= 0)
            return drop(socket);
        if (visitor.answered)
            continue; // the rest of a request, which nobody needs
        const std::string_view text(bytes.data(), static_cast<std::size_t>(count));
        const bool whole = end_of_head(text) != std::string_view::npos;
        // To close a socket with unread bytes is a reset.
        if (!like_http(text) || (!whole && text.size() == bytes.size()))
            return drop(socket);
        if (!whole)
            return;
        answer(visitor, text);
    }
}

void HttpDenials::answer(Visitor& visitor, std::string_view request) {
    const std::string response =
        denial_response(request, visitor.reason, visitor.remedy, visitor.name);
    // It fits the socket: nothing else was sent.
    (void)::send(visitor.socket.get(), response.data(), response.size(),
                 MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(visitor.socket.get(), SHUT_WR);
    visitor.answered = true;
}

void HttpDenials::drop(int socket) {
    const auto found = visitors_.find(socket);
    loop_.cancel(found->second.timer);
    loop_.unwatch(socket);
    visitors_.erase(found);
}

void HttpDenials::clear() {
    while (!visitors_.empty())
        drop(visitors_.begin()->first);
}

} // namespace msb::net
