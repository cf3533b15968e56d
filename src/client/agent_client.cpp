#include "client/agent_client.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/core.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace msb {

namespace {
constexpr std::size_t read_chunk = std::size_t{128} << 10;
constexpr std::size_t id_range_size = 8;
constexpr std::chrono::milliseconds wait_tick{100};
} // namespace

Result<std::unique_ptr<AgentClient>>
AgentClient::connect(EventLoop& loop, const std::string& socket, const ConnectOptions& options) {
    auto connected = sys::unix_connect(socket, options.connect_timeout);
    if (!connected) {
        const int reason = connected.error().sys_errno();
        Error error = std::move(connected).error().wrap("the sandbox's agent cannot be reached");
        if (reason == ENOENT || reason == ECONNREFUSED)
            error = std::move(error).with_kind(ErrorKind::unreachable);
        else if (reason == EAGAIN) // more clients wait than the sandbox takes
            error = std::move(error).with_kind(ErrorKind::timed_out);
        return fail(std::move(error));
    }
    return adopt(loop, std::move(*connected), options);
}

Result<std::unique_ptr<AgentClient>> AgentClient::adopt(EventLoop& loop, OwnedFd socket,
                                                        const ConnectOptions& options) {
    std::unique_ptr<AgentClient> client(new AgentClient(loop, std::move(socket)));
    MSB_TRY(client->handshake(options));
    MSB_TRY(sys::set_nonblocking(client->socket_.get()));
    AgentClient* raw = client.get();
    MSB_TRY(loop.watch(client->socket_.get(), EPOLLIN,
                       [raw](std::uint32_t events) { raw->handle_events(events); }));
    client->watched_ = true;
    client->why_ended_ = options.why_ended;
    return client;
}

AgentClient::~AgentClient() {
    if (socket_ && watched_)
        loop_.unwatch(socket_.get());
}

Status AgentClient::read_exactly(MutableBytesView buffer, const ConnectOptions& options,
                                 std::chrono::steady_clock::time_point deadline) {
    const auto ended = [] {
        return fail(ErrorKind::unreachable,
                    "the sandbox ended, or serves 128 clients already, before its agent answered");
    };
    while (!buffer.empty()) {
        if (options.cancelled && options.cancelled())
            return fail(ErrorKind::cancelled, "cancelled");
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return fail(
                ErrorKind::timed_out,
                fmt::format("the sandbox's agent did not become ready in {} s",
                            std::chrono::duration<double>(options.handshake_timeout).count()));
        if (!MSB_TRY(sys::wait_for(socket_.get(), POLLIN, std::min(left, wait_tick))))
            continue;
        const auto count = sys::read(socket_.get(), buffer);
        if (!count && count.error().sys_errno() != ECONNRESET)
            return fail(count.error());
        if (!count || *count == 0)
            return ended();
        buffer = buffer.subspan(*count);
    }
    return {};
}

Status AgentClient::handshake(const ConnectOptions& options) {
    const auto deadline = std::chrono::steady_clock::now() + options.handshake_timeout;
    Bytes range(id_range_size);
    MSB_TRY(read_exactly(range, options, deadline));
    id_start_ = load_be<std::uint32_t>(range);
    id_end_ = load_be<std::uint32_t>(BytesView(range).subspan(4));
    if (id_start_ == 0 || id_end_ <= id_start_)
        return fail(ErrorKind::protocol, "the relay assigned an empty id range");
    next_id_ = id_start_;
    Bytes frame(4);
    MSB_TRY(read_exactly(frame, options, deadline));
    const auto length = load_be<std::uint32_t>(frame);
    if (length < wire::frame_header_size - 4 || length > wire::max_frame_length)
        return fail(ErrorKind::protocol, "the relay sent a frame of illegal length");
    frame.resize(4 + std::size_t{length});
    MSB_TRY(read_exactly(MutableBytesView(frame).subspan(4), options, deadline));
    ready_ = MSB_TRY_WRAP(
        wire::decode_body<wire::Ready>(BytesView(frame).subspan(wire::frame_header_size)),
        "agent handshake");
    return {};
}

Result<int> AgentClient::peer_pid() const {
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == -1)
        return fail_errno("getsockopt(SO_PEERCRED)");
    return credentials.pid;
}

std::uint32_t AgentClient::open_id(FrameHandler handler) {
    while (handlers_.contains(next_id_))
        next_id_ = next_id_ + 1 < id_end_ ? next_id_ + 1 : id_start_;
    const std::uint32_t id = next_id_;
    next_id_ = next_id_ + 1 < id_end_ ? next_id_ + 1 : id_start_;
    handlers_[id] = std::make_shared<FrameHandler>(std::move(handler));
    return id;
}

void AgentClient::release(std::uint32_t id) {
    handlers_.erase(id);
}

void AgentClient::pause_reading(bool paused) {
    if (paused_ != paused) {
        paused_ = paused;
        update_events();
    }
}

void AgentClient::update_events() {
    if (!socket_)
        return;
    std::uint32_t events = 0;
    if (!paused_)
        events |= EPOLLIN;
    if (queued() > 0)
        events |= EPOLLOUT;
    (void)loop_.modify(socket_.get(), events);
}

void AgentClient::handle_events(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0)
        flush();
    if (socket_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        read_frames();
}

void AgentClient::read_frames() {
    const MutableBytesView space = in_.prepare(read_chunk);
    const ssize_t count = ::read(socket_.get(), space.data(), space.size());
    if (count < 0) {
        if (errno == ECONNRESET)
            close_ended();
        else if (errno != EAGAIN && errno != EINTR)
            close(Error::from_errno(errno, "read", "agent socket"));
        return;
    }
    if (count == 0)
        return close_ended();
    in_.commit(static_cast<std::size_t>(count));
    for (;;) {
        auto frame = in_.next();
        if (!frame)
            return close(frame.error());
        if (!*frame)
            return;
        auto envelope = wire::decode_envelope((*frame)->body);
        if (!envelope)
            return close(envelope.error());
        const auto found = handlers_.find((*frame)->id);
        if (found == handlers_.end())
            continue; // late frames of a session that was given up
        const auto handler = found->second;
        (*handler)(**frame, *envelope);
        if (!socket_)
            return;
    }
}

void AgentClient::flush() {
    const bool had_much = queued() > high_water;
    while (socket_ && queued() > 0) {
        const BytesView data = out_.view();
        const ssize_t count =
            ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            // The reading side reports a closed peer, after the data that it still sent.
            if (errno != EAGAIN)
                out_.clear();
            break;
        }
        out_.consume(static_cast<std::size_t>(count));
    }
    update_events();
    if (had_much && queued() <= high_water && drained_)
        drained_();
}

void AgentClient::close_ended() {
    const std::string why = why_ended_ ? why_ended_() : std::string();
    close(Error(ErrorKind::unreachable,
                "the sandbox closed the connection" + (why.empty() ? why : ": " + why)));
}

void AgentClient::close(const Error& error) {
    loop_.unwatch(socket_.get());
    socket_.reset();
    if (closed_)
        closed_(error);
}

} // namespace msb
