#include "client/tcp.hpp"

#include "wire/session_messages.hpp"

namespace msb {

namespace {
/// Largest piece that goes into one frame.
constexpr std::size_t chunk = std::size_t{64} << 10;
/// Smaller grants wait until this much has come together.
constexpr std::size_t grant_grain = TcpStream::window / 4;
} // namespace

std::string TcpTarget::to_string() const {
    if (is_unix())
        return host;
    const bool brackets = host.find(':') != std::string::npos && !host.starts_with('[');
    return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

TcpStream::TcpStream(AgentClient& client, const TcpTarget& target, TcpEvents events)
    : client_(client), events_(std::move(events)),
      id_(client.open_id(
          [this](const wire::Frame&, const wire::Envelope& envelope) { handle(envelope); })) {
    wire::TcpConnect request;
    request.host = target.host;
    request.port = target.port;
    request.flow = true;
    request.window = window;
    client_.send(id_, request);
}

TcpStream::~TcpStream() {
    if (!ended_)
        client_.send(id_, wire::TcpClose{.reset = true});
    client_.release(id_);
}

std::size_t TcpStream::room() const {
    // Also bounded by our own queue: an agent that knows no windows does not bound it.
    if (!connected_ || ended_ || client_.queued() > AgentClient::high_water)
        return 0;
    return std::min<std::uint64_t>(send_window_.available(), chunk);
}

std::size_t TcpStream::write(BytesView data) {
    data = data.first(std::min(data.size(), room()));
    if (data.empty())
        return 0;
    send_window_.sent(data.size());
    client_.send(id_, wire::TcpData{data});
    return data.size();
}

void TcpStream::finish_writing() {
    if (!ended_)
        client_.send(id_, wire::TcpEof{});
}

void TcpStream::consumed(std::size_t bytes) {
    to_grant_ += bytes;
    if (to_grant_ >= grant_grain && !ended_)
        client_.send(id_, wire::FlowWindow{std::exchange(to_grant_, 0)});
}

void TcpStream::close(bool reset) {
    if (!ended_)
        client_.send(id_, wire::TcpClose{.reset = reset});
}

template <typename M, typename Deliver> void TcpStream::deliver(BytesView payload, Deliver call) {
    const auto message = M::decode(payload);
    if (message)
        return call(*message);
    ended_ = true;
    client_.send(id_, wire::TcpClose{.reset = true});
    events_.broken(message.error());
}

void TcpStream::handle(const wire::Envelope& envelope) {
    const BytesView payload = envelope.payload;
    if (ended_)
        return;
    if (envelope.type == wire::TcpData::type)
        deliver<wire::TcpData>(payload, [&](const auto& m) { events_.data(m.data); });
    else if (envelope.type == wire::FlowWindow::type)
        deliver<wire::FlowWindow>(payload, [&](const auto& m) {
            send_window_.grant(m.bytes);
            if (connected_)
                events_.room();
        });
    else if (envelope.type == wire::TcpConnected::type)
        deliver<wire::TcpConnected>(payload, [&](const auto&) {
            send_window_.answered();
            connected_ = true;
            events_.connected();
        });
    else if (envelope.type == wire::TcpEof::type)
        deliver<wire::TcpEof>(payload, [&](const auto&) { events_.end_of_data(); });
    else
        handle_end(envelope);
}

void TcpStream::handle_end(const wire::Envelope& envelope) {
    const BytesView payload = envelope.payload;
    if (envelope.type == wire::TcpClosed::type) {
        deliver<wire::TcpClosed>(payload, [&](const auto&) {
            ended_ = true;
            events_.closed();
        });
    } else if (envelope.type == wire::TcpFailed::type) {
        deliver<wire::TcpFailed>(payload, [&](const auto& m) {
            ended_ = true;
            events_.failed(m);
        });
    } else if (envelope.type == wire::CoreError::type) {
        deliver<wire::CoreError>(payload, [&](const auto& m) {
            ended_ = true;
            events_.broken(
                Error(ErrorKind::protocol, std::string("the agent refused the request: ") +
                                               std::string(to_string(m.kind)) + ": " + m.message));
        });
    }
    // Other types are additions that this client does not know.
}

} // namespace msb
