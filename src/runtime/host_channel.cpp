#include "runtime/host_channel.hpp"

#include "base/log.hpp"
#include "base/system.hpp"
#include "wire/control_messages.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace msb {

namespace {

constexpr std::size_t request_chunk = 4096;

/// False if the peer does not take it.
template <typename Message> bool send(int socket, std::uint32_t id, const Message& message) {
    const Bytes frame = wire::encode_message(id, message);
    return ::send(socket, frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(frame.size());
}

/// Always false: the end of the connection.
bool refuse(int socket, std::uint32_t id, wire::CoreErrorKind kind, const std::string& message,
            std::optional<std::string> type = {}) {
    (void)send(socket, id, wire::CoreError{kind, message, std::move(type)});
    return false;
}

} // namespace

HostChannel::HostChannel(EventLoop& loop, Requests requests)
    : loop_(loop), requests_(std::move(requests)) {}

HostChannel::~HostChannel() {
    while (!connections_.empty())
        drop(connections_.begin()->first);
    if (listener_)
        loop_.unwatch(listener_.get());
}

Status HostChannel::serve(OwnedFd listener) {
    MSB_TRY(sys::set_nonblocking(listener.get()));
    MSB_TRY(loop_.watch(listener.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); }));
    listener_ = std::move(listener);
    return {};
}

void HostChannel::accept_one() {
    OwnedFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket || connections_.size() >= max_connections)
        return; // which closes it
    const int number = socket.get();
    if (!loop_.watch(number, EPOLLIN, [this, number](std::uint32_t) { read(number); }))
        return;
    Connection& connection = connections_[number];
    connection.socket = std::move(socket);
    connection.number = next_number_++;
    restart_timer(connection);
}

void HostChannel::drop(int socket) {
    const auto found = connections_.find(socket);
    loop_.cancel(found->second.timer);
    if (found->second.frozen != 0)
        requests_.thaw({found->second.frozen});
    loop_.unwatch(socket);
    connections_.erase(found);
}

void HostChannel::restart_timer(Connection& connection) {
    loop_.cancel(connection.timer);
    connection.timer =
        loop_.after(patience, [this, socket = connection.socket.get()] { drop(socket); });
}

void HostChannel::read(int socket) {
    Connection& connection = connections_.at(socket);
    const MutableBytesView space = connection.in.prepare(request_chunk);
    const ssize_t count = ::read(socket, space.data(), space.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count > 0)
        connection.in.commit(static_cast<std::size_t>(count));
    if (count <= 0 || !take_requests(connection))
        drop(socket);
}

bool HostChannel::take_requests(Connection& connection) {
    for (;;) {
        const auto frame = connection.in.next();
        if (!frame)
            return refuse(connection.socket.get(), 0, wire::CoreErrorKind::malformed_message,
                          frame.error().message());
        if (!*frame)
            break;
        if (!take(connection, **frame))
            return false;
        restart_timer(connection);
    }
    if (connection.in.buffered() + connection.in.missing() > wire::max_host_request)
        return refuse(connection.socket.get(), 0, wire::CoreErrorKind::malformed_message,
                      "the request is too long");
    return true;
}

bool HostChannel::take(Connection& connection, const wire::Frame& frame) {
    const auto envelope = wire::decode_envelope(frame.body);
    if (!envelope)
        return refuse(connection.socket.get(), frame.id, wire::CoreErrorKind::malformed_message,
                      envelope.error().message());
    log::debug("host request: {}", envelope->type);
    return answer(connection, frame, *envelope);
}

HostChannel::Reply HostChannel::reply_to(const Connection& connection, const wire::Frame& frame,
                                         std::string type) {
    return [this, socket = connection.socket.get(), number = connection.number, id = frame.id,
            type = std::move(type)](const Status& outcome) {
        const auto found = connections_.find(socket);
        if (found == connections_.end() || found->second.number != number)
            return;
        if (outcome)
            (void)send(socket, id, wire::HostAccepted{});
        else
            (void)refuse(socket, id, wire::CoreErrorKind::invalid_payload,
                         outcome.error().message(), type);
    };
}

bool HostChannel::answer(Connection& connection, const wire::Frame& frame,
                         const wire::Envelope& envelope) {
    const int socket = connection.socket.get();
    const auto bad_payload = [&](const Error& error) {
        return refuse(socket, frame.id, wire::CoreErrorKind::invalid_payload, error.message(),
                      std::string(envelope.type));
    };
    if (envelope.type == wire::HostShutdown::type) {
        const auto shutdown = wire::HostShutdown::decode(envelope.payload);
        if (!shutdown)
            return bad_payload(shutdown.error());
        requests_.shutdown(*shutdown);
        return send(socket, frame.id, wire::HostAccepted{});
    }
    if (envelope.type == wire::HostDrain::type) {
        if (const auto drain = wire::HostDrain::decode(envelope.payload); !drain)
            return bad_payload(drain.error());
        requests_.drain();
        return send(socket, frame.id, wire::HostAccepted{});
    }
    if (envelope.type == wire::HostStatus::type) {
        if (const auto status = wire::HostStatus::decode(envelope.payload); !status)
            return bad_payload(status.error());
        return send(socket, frame.id, requests_.status());
    }
    if (envelope.type == wire::HostNetworkPolicy::type) {
        const auto change = wire::HostNetworkPolicy::decode(envelope.payload);
        if (!change)
            return bad_payload(change.error());
        requests_.network_policy(*change, reply_to(connection, frame, std::string(envelope.type)));
        return true;
    }
    if (envelope.type == wire::HostFreeze::type) {
        const auto freeze = wire::HostFreeze::decode(envelope.payload);
        if (!freeze)
            return bad_payload(freeze.error());
        if (const Status begun = requests_.freeze(*freeze); !begun)
            return refuse(socket, frame.id, wire::CoreErrorKind::invalid_session,
                          begun.error().message());
        connection.frozen = freeze->number;
        return send(socket, frame.id, wire::HostAccepted{});
    }
    if (envelope.type == wire::HostThaw::type) {
        const auto thaw = wire::HostThaw::decode(envelope.payload);
        if (!thaw)
            return bad_payload(thaw.error());
        requests_.thaw(*thaw);
        connection.frozen = 0;
        return send(socket, frame.id, wire::HostAccepted{});
    }
    if (envelope.type == wire::HostFreezeStatus::type) {
        if (const auto status = wire::HostFreezeStatus::decode(envelope.payload); !status)
            return bad_payload(status.error());
        return send(socket, frame.id, requests_.freeze_status());
    }
    if (envelope.type == wire::HostRootDiskGrow::type) {
        const auto grow = wire::HostRootDiskGrow::decode(envelope.payload);
        if (!grow)
            return bad_payload(grow.error());
        if (const Status begun = requests_.grow_root_disk(*grow); !begun)
            return refuse(socket, frame.id, wire::CoreErrorKind::invalid_session,
                          begun.error().message());
        return send(socket, frame.id, wire::HostAccepted{});
    }
    if (envelope.type == wire::HostRootDiskStatus::type) {
        if (const auto status = wire::HostRootDiskStatus::decode(envelope.payload); !status)
            return bad_payload(status.error());
        return send(socket, frame.id, requests_.root_disk_status());
    }
    return refuse(socket, frame.id, wire::CoreErrorKind::unsupported_message_type,
                  "this runtime does not know the request", std::string(envelope.type));
}

} // namespace msb
