#include "agent/tcp/streams.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace msb::agent {

/// A socket, connected or on the way; or -errno.
struct TcpStream::Attempt {
    OwnedFd socket;
    int error = 0; ///< EINPROGRESS: on the way
};

namespace {

using namespace std::chrono_literals;

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t max_host = 256;
/// Before a Unix socket whose backlog is full is tried again.
constexpr auto retry_pause = 20ms;

/// Shared by all streams: what is read is copied into a frame at once.
std::array<std::uint8_t, std::size_t{64} << 10> read_buffer;

/// "Connection refused" as a part of a sentence.
std::string reason_text(int reason) {
    const char* text = ::strerrordesc_np(reason);
    std::string result = text == nullptr ? "error " + std::to_string(reason) : text;
    if (result.size() > 1 && result[1] >= 'a')
        result[0] = static_cast<char>(result[0] | 0x20);
    return result;
}

/// "/path" or "@name"; nothing if it does not fit.
std::optional<SocketAddress> unix_address(std::string_view path) {
    SocketAddress result;
    auto& address = reinterpret_cast<sockaddr_un&>(result.storage);
    if (path.size() < 2 || path.size() >= sizeof(address.sun_path) ||
        path.find('\0') != std::string_view::npos)
        return std::nullopt;
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    const bool is_abstract = path[0] == '@';
    if (is_abstract)
        address.sun_path[0] = '\0';
    result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() +
                                         (is_abstract ? 0 : 1));
    return result;
}

TcpStream::Attempt attempt(const SocketAddress& address) {
    TcpStream::Attempt result;
    result.socket =
        OwnedFd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!result.socket || ::connect(result.socket.get(), address.get(), address.size) == -1)
        result.error = errno;
    return result;
}

} // namespace

/// The loop alone reads and writes everything but `cancelled`, and the worker what it works on
/// between being queued and handing its result back.
struct TcpStream::Lookup {
    std::atomic<bool> cancelled = false;
    Result<std::vector<IpAddress>> addresses = std::vector<IpAddress>();
    Attempt unix_socket;
};

// --- making the connection ----------------------------------------------------------------------

TcpStream::TcpStream(Services& services, Channel& channel, TcpStreams& owner, std::uint32_t id)
    : services_(services), channel_(channel), owner_(owner), id_(id) {}

TcpStream::~TcpStream() {
    if (lookup_)
        lookup_->cancelled = true;
    stop_timer();
    stop_watching();
    if (over_bound_)
        owner_.bound_changed(false);
    if (open_ && !ended_) {
        const linger now{1, 0};
        (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
}

void TcpStream::start_timer(Clock::duration time, void (TcpStream::*expired)()) {
    stop_timer();
    timer_ = services_.loop.after(time, [this, expired] {
        timer_ = 0;
        (this->*expired)();
    });
}

void TcpStream::stop_timer() {
    if (timer_ != 0)
        services_.loop.cancel(std::exchange(timer_, 0));
}

void TcpStream::stop_watching() {
    if (std::exchange(watched_, false))
        services_.loop.unwatch(socket_.get());
}

void TcpStream::start(const wire::TcpConnect& request) {
    write_window_ = wire::ReceiveWindow(request.flow);
    if (request.window)
        read_window_ = *request.window;
    if (const auto bytes = write_window_.first_grant(); bytes > 0)
        channel_.send(id_, wire::FlowWindow{bytes});
    const auto timeout = services_.config.connect_timeout;
    deadline_ = Clock::now() + timeout;
    start_timer(timeout, &TcpStream::give_up_attempt);
    target_ = request.host;
    if (request.host.starts_with(unix_prefix))
        return connect_unix(request.host.substr(unix_prefix.size()));
    port_ = request.port;
    target_ = (target_.find(':') == std::string::npos ? target_ : "[" + target_ + "]") + ":" +
              std::to_string(port_);
    if (port_ == 0)
        return fail("connect", EINVAL, "there is no port 0");
    addresses_ = resolve_at_once(request.host);
    if (addresses_.empty())
        look_up(request.host);
    else
        connect_next();
}

void TcpStream::look_up(const std::string& host) {
    lookup_ = std::make_shared<Lookup>();
    const bool queued = services_.workers.run(
        [this, lookup = lookup_, host, deadline = deadline_]() -> Workers::Done {
            if (!lookup->cancelled)
                lookup->addresses = resolve(host, {}, deadline, lookup->cancelled);
            return [this, lookup, host] {
                if (lookup->cancelled)
                    return; // and this stream is gone
                lookup_.reset();
                if (!lookup->addresses)
                    return fail("resolve", 0,
                                "cannot resolve \"" + host +
                                    "\": " + lookup->addresses.error().to_string());
                addresses_ = std::move(*lookup->addresses);
                connect_next();
            };
        });
    if (!queued)
        fail("resolve", EAGAIN, "too many names are being looked up");
}

void TcpStream::connect_next() {
    while (next_address_ < addresses_.size())
        if (connect_to(addresses_[next_address_++]))
            return;
    fail("connect", last_error_, reason_text(last_error_));
}

/// True if the connection is there or on the way.
bool TcpStream::connect_to(const IpAddress& address) {
    Attempt tried = attempt(SocketAddress(Endpoint{address, port_}));
    if (tried.error == 0) {
        opened(std::move(tried.socket));
        return true;
    }
    last_error_ = tried.error;
    if (tried.error != EINPROGRESS)
        return false;
    socket_ = std::move(tried.socket);
    const Status watched = services_.loop.watch(socket_.get(), EPOLLOUT,
                                                [this](std::uint32_t) { on_connect_event(); });
    if (!watched)
        return false;
    watched_ = true;
    // Every address that is left gets its share of the time.
    const auto left = std::max(deadline_ - Clock::now(), Clock::duration(1ms));
    start_timer(left / static_cast<int>(addresses_.size() - next_address_ + 1),
                &TcpStream::give_up_attempt);
    return true;
}

void TcpStream::on_connect_event() {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    stop_watching();
    if (error == 0)
        return opened(std::move(socket_));
    socket_.reset();
    last_error_ = error;
    connect_next();
}

void TcpStream::give_up_attempt() {
    stop_watching();
    socket_.reset();
    last_error_ = ETIMEDOUT;
    if (lookup_)
        return fail("connect", ETIMEDOUT,
                    "no answer within " + std::to_string(services_.config.connect_timeout / 1s) +
                        " s");
    connect_next();
}

/// The path may lead into a file system that never answers, so a thread of its own walks it. It
/// does not wait for a listener whose backlog is full: that is tried again from here.
void TcpStream::connect_unix(const std::string& path) {
    const auto address = unix_address(path);
    if (!address || (path[0] != '/' && path[0] != '@'))
        return fail("connect", EINVAL,
                    "a Unix socket is an absolute path or @name of at most 107 bytes");
    lookup_ = std::make_shared<Lookup>();
    const Status given = services_.connect_threads->run(
        [this, lookup = lookup_, mailbox = services_.mailbox, path, address] {
            if (lookup->cancelled)
                return;
            lookup->unix_socket = attempt(*address);
            mailbox->post([this, lookup, path] {
                if (!lookup->cancelled) // else this stream is gone
                    tried_unix(path);
            });
        });
    if (!given)
        fail("connect", EAGAIN, "too many connections are being made");
}

void TcpStream::tried_unix(const std::string& path) {
    Attempt& tried = lookup_->unix_socket;
    if (tried.error == EAGAIN) // until the time is over
        return (void)services_.loop.after(retry_pause, [this, lookup = lookup_, path] {
            if (!lookup->cancelled)
                connect_unix(path);
        });
    const auto lookup = std::exchange(lookup_, nullptr);
    if (tried.error != 0)
        return fail("connect", tried.error, reason_text(tried.error));
    opened(std::move(tried.socket));
}

void TcpStream::opened(OwnedFd socket) {
    stop_timer();
    socket_ = std::move(socket);
    open_ = true;
    const int on = 1; // the client's own pauses are the only delays; no effect on a Unix socket
    (void)::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    channel_.send(id_, wire::TcpConnected{});
    if (pump())
        update_interest();
}

// --- both directions ----------------------------------------------------------------------------

bool TcpStream::may_read() const {
    return open_ && !read_done_ && read_window_ > 0 && channel_.accepts_output();
}

void TcpStream::update_interest() {
    if (!open_)
        return;
    const std::uint32_t wanted = (may_read() ? EPOLLIN : 0U) | (pending_.empty() ? 0U : EPOLLOUT);
    if (wanted == 0 && hung_up_)
        return stop_watching(); // the kernel would repeat itself
    if (watched_ && wanted == interest_)
        return;
    interest_ = wanted;
    if (watched_)
        (void)services_.loop.modify(socket_.get(), wanted);
    else
        watched_ =
            services_.loop
                .watch(socket_.get(), wanted, [this](std::uint32_t events) { on_event(events); })
                .has_value();
}

void TcpStream::on_event(std::uint32_t events) {
    const bool hang_up_seen = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (((events & EPOLLOUT) != 0 || hang_up_seen) && !pump())
        return;
    if ((events & EPOLLIN) != 0 || hang_up_seen) {
        if (may_read() && !read_once())
            return;
        if (hang_up_seen && !hang_up())
            return;
    }
    update_interest();
}

/// One read. False: the stream has ended.
bool TcpStream::read_once() {
    const std::size_t room = std::min<std::uint64_t>(read_buffer.size(), read_window_);
    const ssize_t count = ::recv(socket_.get(), read_buffer.data(), room, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (count < 0) {
        const int reason = errno;
        fail("stream", reason, reason_text(reason));
        return false;
    }
    if (count == 0) {
        read_done_ = true;
        channel_.send(id_, wire::TcpEof{});
        return !finish_if_done();
    }
    const BytesView data = BytesView(read_buffer).first(static_cast<std::size_t>(count));
    channel_.send(id_, wire::TcpData{data});
    if (read_window_ != wire::SendWindow::unlimited)
        read_window_ -= data.size();
    services_.activity.count_tcp(data.size());
    return true;
}

/// Both directions of the socket are over. What was received before can still be read.
bool TcpStream::hang_up() {
    hung_up_ = true;
    if (!read_done_ || write_done_)
        return true;
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    fail_writing(error != 0 || pending_.empty() ? error : ECONNRESET);
    return !finish_if_done();
}

void TcpStream::grant(std::uint64_t bytes) {
    if (read_window_ != wire::SendWindow::unlimited)
        read_window_ += std::min(bytes, wire::SendWindow::unlimited - 1 - read_window_);
    update_interest();
}

void TcpStream::write(BytesView data) {
    if (write_done_ || finishing_)
        return took(data.size());
    if (open_ && pending_.empty())
        write_some(data);
    if (write_done_) {
        took(data.size());
        finish_if_done();
        return;
    }
    if (data.empty())
        return;
    pending_.append(data);
    set_over_bound();
    update_interest();
}

/// Advances `data` by what was taken.
void TcpStream::write_some(BytesView& data) {
    while (!data.empty()) {
        const ssize_t count =
            ::send(socket_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            data = data.subspan(static_cast<std::size_t>(count));
            services_.activity.count_tcp(static_cast<std::size_t>(count));
            took(static_cast<std::size_t>(count));
        } else if (count == 0 || errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            return fail_writing(errno);
        }
    }
}

/// Writes what is pending. False: the stream has ended.
bool TcpStream::pump() {
    if (!pending_.empty()) {
        BytesView data = pending_.view();
        write_some(data);
        if (!write_done_) {
            pending_.consume(pending_.size() - data.size());
            set_over_bound();
        }
    }
    if (finishing_ && pending_.empty() && !write_done_)
        shut_down_writing();
    return !finish_if_done();
}

void TcpStream::finish_writing() {
    finishing_ = true;
    if (open_ && pump())
        update_interest();
}

void TcpStream::shut_down_writing() {
    write_done_ = true;
    if (::shutdown(socket_.get(), SHUT_WR) == -1)
        write_error_ = errno;
}

/// The destination takes no more. Reading goes on: it may have said something before.
void TcpStream::fail_writing(int reason) {
    write_done_ = true;
    write_error_ = reason;
    const std::size_t lost = pending_.size();
    pending_.clear();
    set_over_bound();
    took(lost);
}

void TcpStream::took(std::size_t bytes) {
    if (const auto grant = write_window_.consumed(bytes); grant > 0)
        channel_.send(id_, wire::FlowWindow{grant});
}

void TcpStream::set_over_bound() {
    const bool over = pending_.size() > pending_bound;
    if (over != over_bound_)
        owner_.bound_changed(over_bound_ = over);
}

// --- end ----------------------------------------------------------------------------------------

template <typename M> void TcpStream::end(const M& message) {
    ended_ = true;
    channel_.send(id_, message);
    owner_.remove(id_); // deletes this
}

bool TcpStream::finish_if_done() {
    if (!read_done_ || !write_done_)
        return false;
    if (write_error_ != 0)
        fail("stream", write_error_, reason_text(write_error_));
    else
        end(wire::TcpClosed{});
    return true;
}

void TcpStream::fail(std::string_view stage, int reason, std::string message) {
    wire::TcpFailed failed;
    failed.error = stage == "connect"  ? "cannot connect to " + target_ + ": " + message
                   : stage == "stream" ? target_ + ": " + message
                                       : std::move(message);
    if (reason != 0)
        failed.sys_errno = reason;
    failed.stage = stage;
    end(failed);
}

void TcpStream::close(bool reset) {
    if (open_ && !reset && pending_.empty()) {
        end(wire::TcpClosed{});
        return;
    }
    // Left to the destructor: a reset. The frame goes first, since it deletes the stream.
    channel_.send(id_, wire::TcpClosed{});
    owner_.remove(id_);
}

// --- the streams of a client --------------------------------------------------------------------

void TcpStreams::connect(std::uint32_t id, const wire::TcpConnect& request) {
    const auto refuse = [&](int reason, std::string message) {
        channel_.send(id, wire::TcpFailed{std::move(message), reason, "accept"});
    };
    if (request.host.size() > max_host)
        return refuse(ENAMETOOLONG, "the host name is too long");
    if (services_.stopping)
        return refuse(ESHUTDOWN, "the sandbox is stopping");
    if (streams_.size() >= max_streams)
        return refuse(EAGAIN,
                      "too many connections of one client (" + std::to_string(max_streams) + ")");
    const auto [place, added] =
        streams_.emplace(id, std::make_unique<TcpStream>(services_, channel_, *this, id));
    if (added)
        place->second->start(request);
}

TcpStream* TcpStreams::find(std::uint32_t id) {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second.get();
}

void TcpStreams::bound_changed(bool over) {
    over_bound_ += over ? 1 : std::size_t(-1);
    channel_.input_bound_changed();
}

void TcpStreams::update_interest() {
    for (const auto& [id, stream] : streams_)
        stream->update_interest();
}

} // namespace msb::agent
