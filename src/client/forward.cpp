#include "client/forward.hpp"

#include "base/out_buffer.hpp"
#include "base/system.hpp"
#include "client/forward_listener.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb {

namespace {
using namespace std::chrono_literals;

/// Before accepting is tried again when there are no descriptors left.
constexpr auto retry_pause = 100ms;

/// Shared by all links: what is read is sent at once.
std::array<std::uint8_t, std::size_t{64} << 10> read_buffer;
} // namespace

/// One accepted connection and its stream.
class Forwarder::Link {
  public:
    Link(Forwarder& forwarder, std::uint64_t number, OwnedFd socket, std::string peer,
         const TcpTarget& target);
    ~Link();

    /// The connection to the agent takes more.
    void resume() { update_interest(); }

  private:
    void on_event(std::uint32_t events);
    void read_local();
    void write_local();
    void on_local_hang_up();
    void take(BytesView data);
    void update_interest();
    void show(const std::string& message);
    /// Both sides are reset.
    void abort();
    /// The stream has ended: closes once everything is written.
    void end(bool reset);
    void finish();

    Forwarder& forwarder_;
    std::uint64_t number_;
    OwnedFd socket_;
    std::string peer_;
    TcpTarget target_;
    OutBuffer to_local_;
    std::uint32_t interest_ = 0;
    bool watched_ = false;
    bool read_done_ = false;  ///< the local end of data was passed on
    bool guest_done_ = false; ///< the guest's end of data arrived
    bool shut_down_ = false;  ///< ... and was passed on
    bool local_gone_ = false; ///< nobody reads what the guest sends any more
    bool stream_ended_ = false;
    bool reset_ = true; ///< how the local connection is closed
    bool finished_ = false;
    TcpStream stream_; ///< last: its events use the rest
};

Forwarder::Link::Link(Forwarder& forwarder, std::uint64_t number, OwnedFd socket, std::string peer,
                      const TcpTarget& target)
    : forwarder_(forwarder), number_(number), socket_(std::move(socket)), peer_(std::move(peer)),
      target_(target), stream_(forwarder.client_, target,
                               TcpEvents{
                                   .connected = [this] { update_interest(); },
                                   .data = [this](BytesView data) { take(data); },
                                   .end_of_data =
                                       [this] {
                                           guest_done_ = true;
                                           write_local();
                                       },
                                   .room = [this] { update_interest(); },
                                   .closed = [this] { end(false); },
                                   .failed =
                                       [this](const wire::TcpFailed& failed) {
                                           show(failed.error);
                                           end(true);
                                       },
                                   .broken =
                                       [this](const Error& error) {
                                           show(error.to_string());
                                           end(true);
                                       },
                               }) {}

Forwarder::Link::~Link() {
    if (watched_)
        forwarder_.loop_.unwatch(socket_.get());
    if (reset_) {
        const linger now{1, 0};
        (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
}

void Forwarder::Link::update_interest() {
    if (finished_)
        return;
    std::uint32_t wanted = 0;
    if (!read_done_ && stream_.room() > 0)
        wanted |= EPOLLIN;
    if (!to_local_.empty())
        wanted |= EPOLLOUT;
    const bool watch = !local_gone_ || wanted != 0;
    if (watch == watched_ && wanted == interest_)
        return;
    interest_ = wanted;
    if (watch && watched_)
        (void)forwarder_.loop_.modify(socket_.get(), wanted);
    else if (watch)
        watched_ =
            forwarder_.loop_
                .watch(socket_.get(), wanted, [this](std::uint32_t events) { on_event(events); })
                .has_value();
    else
        forwarder_.loop_.unwatch(socket_.get());
    watched_ = watch && watched_;
}

void Forwarder::Link::on_event(std::uint32_t events) {
    const bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLOUT) != 0)
        write_local();
    if (!finished_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        read_local();
    if (hung_up && !finished_)
        on_local_hang_up();
    update_interest();
}

void Forwarder::Link::read_local() {
    const std::size_t room = std::min(stream_.room(), read_buffer.size());
    if (read_done_ || room == 0)
        return;
    const ssize_t count = ::recv(socket_.get(), read_buffer.data(), room, MSG_DONTWAIT);
    if (count > 0) {
        stream_.write(BytesView(read_buffer).first(static_cast<std::size_t>(count)));
    } else if (count == 0) {
        read_done_ = true;
        stream_.finish_writing();
    } else if (errno != EAGAIN && errno != EINTR) {
        abort();
    }
}

/// The kernel reports the end of both directions of the local connection: reset, closed, or (after
/// our own end of data) just done. What it sent before can still be read.
void Forwarder::Link::on_local_hang_up() {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        abort();
    local_gone_ = true; // if an answer still comes, nobody will read it
}

void Forwarder::Link::take(BytesView data) {
    if (finished_)
        return;
    if (local_gone_)
        return abort();
    to_local_.append(data);
    write_local();
}

void Forwarder::Link::write_local() {
    if (finished_)
        return;
    while (!to_local_.empty()) {
        const BytesView data = to_local_.view();
        const ssize_t count =
            ::send(socket_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            to_local_.consume(static_cast<std::size_t>(count));
            stream_.consumed(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            return abort();
        }
    }
    if (to_local_.empty()) {
        if (guest_done_ && !std::exchange(shut_down_, true))
            (void)::shutdown(socket_.get(), SHUT_WR);
        if (stream_ended_)
            return finish();
    }
    update_interest();
}

void Forwarder::Link::show(const std::string& message) {
    if (!finished_)
        forwarder_.failed_(target_, peer_, message);
}

void Forwarder::Link::abort() {
    if (finished_)
        return;
    reset_ = true;
    stream_.close(true);
    finish();
}

void Forwarder::Link::end(bool reset) {
    if (finished_)
        return;
    stream_ended_ = true;
    reset_ = reset;
    write_local();
}

/// Deletes the link after the current handler.
void Forwarder::Link::finish() {
    if (std::exchange(finished_, true))
        return;
    if (std::exchange(watched_, false))
        forwarder_.loop_.unwatch(socket_.get());
    forwarder_.remove_later(number_);
}

// --- accepting ----------------------------------------------------------------------------------

struct Forwarder::Listener {
    ForwardSocket socket;
    TcpTarget target;
    bool watched = false;
};

Forwarder::Forwarder(EventLoop& loop, AgentClient& client, std::size_t max_connections,
                     FailureHandler failed)
    : loop_(loop), client_(client),
      max_connections_(std::clamp<std::size_t>(max_connections, 1, most_connections)),
      failed_(std::move(failed)) {
    client_.on_drained([this] {
        for (const auto& [number, link] : links_)
            link->resume();
    });
}

Forwarder::~Forwarder() {
    *self_ = nullptr;
    client_.on_drained({});
    watch_listeners(false);
    if (retry_timer_ != 0)
        loop_.cancel(retry_timer_);
}

Result<ForwardListen> Forwarder::listen(const ForwardRule& rule) {
    auto listener = std::make_unique<Listener>(
        Listener{MSB_TRY(ForwardSocket::listen(rule.listen)), rule.target});
    ForwardListen where = listener->socket.where();
    listeners_.push_back(std::move(listener));
    watch_listeners(accepting_);
    return where;
}

void Forwarder::watch_listeners(bool on) {
    for (const auto& listener : listeners_) {
        if (listener->watched == on)
            continue;
        const int fd = listener->socket.fd();
        if (on)
            listener->watched =
                loop_
                    .watch(fd, EPOLLIN,
                           [this, raw = listener.get()](std::uint32_t) { accept(*raw); })
                    .has_value();
        else
            loop_.unwatch(fd);
        listener->watched = on && listener->watched;
    }
}

void Forwarder::accept(Listener& listener) {
    if (links_.size() >= max_connections_) {
        accepting_ = false;
        return watch_listeners(false);
    }
    std::string peer;
    OwnedFd socket = listener.socket.accept(peer);
    if (!socket) {
        if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
            return;
        watch_listeners(false);
        retry_timer_ = loop_.after(retry_pause, [this] {
            retry_timer_ = 0;
            watch_listeners(accepting_);
        });
        return;
    }
    const std::uint64_t number = next_number_++;
    links_.emplace(number, std::make_unique<Link>(*this, number, std::move(socket), std::move(peer),
                                                  listener.target));
}

void Forwarder::remove_later(std::uint64_t number) {
    loop_.post([self = self_, number] {
        Forwarder* forwarder = *self;
        if (forwarder == nullptr)
            return;
        forwarder->links_.erase(number);
        if (!forwarder->accepting_) {
            forwarder->accepting_ = true;
            forwarder->watch_listeners(true);
        }
    });
}

} // namespace msb
