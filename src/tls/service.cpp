#include "tls/service.hpp"

#include "base/log.hpp"
#include "base/packet.hpp"

#include <algorithm>
#include <sys/epoll.h>

namespace msb::tls {

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
    auto packet = receive_packet(channel_.get(), net::Handover::most_bytes);
    if (!packet) { // connections that there are go on without netd only until they notice
        loop_.unwatch(channel_.get());
        channel_.reset();
        return;
    }
    if (!*packet)
        return;
    auto& [data, descriptors] = **packet;
    auto handover = net::Handover::from_json(as_text(data));
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
