#include "tls/service.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::tls {

namespace {

struct Packet {
    std::string text;
    std::vector<OwnedFd> descriptors;
};

/// One packet of netd's. Nothing: there is none. An error: there will not be any more.
Result<std::optional<Packet>> receive_packet(int channel) {
    constexpr std::size_t wanted = 2;
    std::array<char, net::Handover::most_bytes> text;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * wanted)> control{};
    iovec data{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size == -1 && (errno == EAGAIN || errno == EINTR))
        return std::nullopt;
    if (size <= 0)
        return fail(ErrorKind::unreachable, "the network process has ended");
    Packet packet{.text = {text.data(), static_cast<std::size_t>(size)}, .descriptors = {}};
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            packet.descriptors.emplace_back(number);
        }
    }
    return packet;
}

} // namespace

Result<std::unique_ptr<Service>>
Service::create(EventLoop& loop, Authority authority, Upstreams upstreams,
                std::size_t max_connections, std::function<void(char, const std::string&)> tell) {
    ContextPtr context = MSB_TRY(Connection::make_guest_context());
    return std::unique_ptr<Service>(new Service(loop, std::move(authority), std::move(upstreams),
                                                std::move(context), max_connections,
                                                std::move(tell)));
}

Service::Service(EventLoop& loop, Authority authority, Upstreams upstreams,
                 ContextPtr guest_context, std::size_t max_connections,
                 std::function<void(char, const std::string&)> tell)
    : loop_(loop), authority_(std::move(authority)), upstreams_(std::move(upstreams)),
      guest_context_(std::move(guest_context)), max_connections_(max_connections),
      shared_{loop_,
              authority_,
              upstreams_,
              guest_context_.get(),
              [this] {
                  return std::clamp(buffer_budget / std::max<std::size_t>(1, connections_.size()),
                                    least_buffered, most_buffered);
              },
              [this](std::size_t bytes) {
                  for (const auto& [key, connection] : connections_)
                      bytes += connection->held();
                  return bytes <= most_held;
              },
              std::make_shared<SecretSet>(),
              std::move(tell)} {
    upstreams_.set_session_callback(Connection::session_made);
}

Service::~Service() {
    if (channel_)
        loop_.unwatch(channel_.get());
    connections_.clear();
}

void Service::set_secrets(std::shared_ptr<const SecretSet> secrets) {
    shared_.secrets = std::move(secrets);
    for (const auto& [key, connection] : connections_)
        connection->replace_secrets(shared_.secrets);
}

Status Service::serve(OwnedFd channel) {
    channel_ = std::move(channel);
    return loop_.watch(channel_.get(), EPOLLIN, [this](std::uint32_t) { receive(); });
}

void Service::receive() {
    auto packet = receive_packet(channel_.get());
    if (!packet) { // connections that there are go on without netd only until they notice
        loop_.unwatch(channel_.get());
        channel_.reset();
        return;
    }
    if (!*packet)
        return;
    auto& [text, descriptors] = **packet;
    auto handover = net::Handover::from_json(text);
    if (!handover || descriptors.size() != 2)
        return log::warn("a handover was dropped: {}",
                         handover ? "without its sockets" : handover.error().to_string());
    take(std::move(*handover), std::move(descriptors[0]), std::move(descriptors[1]));
}

void Service::take(net::Handover handover, OwnedFd guest, OwnedFd upstream) {
    if (connections_.size() >= max_connections_)
        return log::warn("too many intercepted connections: one was closed");
    auto connection = std::make_shared<Connection>(shared_, std::move(handover), std::move(guest),
                                                   std::move(upstream));
    const Connection* const key = connection.get();
    const Status started = connection->start([this, key] { connections_.erase(key); });
    if (!started)
        return log::warn("a connection was closed: {}", started.error().to_string());
    connections_.emplace(key, std::move(connection));
}

} // namespace msb::tls
