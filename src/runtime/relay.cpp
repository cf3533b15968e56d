#include "runtime/relay.hpp"

#include "base/log.hpp"
#include "base/out_buffer.hpp"
#include "base/system.hpp"
#include "runtime/session_recorder.hpp"
#include "wire/session_messages.hpp"
#include "wire/transport.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace msb {

namespace {

constexpr std::size_t read_chunk = std::size_t{128} << 10;
/// Above this a direction stops taking in; one frame (4 MiB) may still be on top of it.
constexpr std::size_t high_water = std::size_t{256} << 10;
/// See Relay::finish().
constexpr auto last_chance = std::chrono::seconds(1);
constexpr auto look_again = std::chrono::milliseconds(50);
/// A frame of the guest up to this size is used where it lies in the connection's buffer. A frame
/// of this size may wait there for its end, while a quarter of the buffer is consumed but not
/// reported yet, and the guest still has credit.
constexpr std::size_t max_in_place = wire::client_window / 2;
static_assert(device::Stream::buffer_limit >= wire::client_window);

/// Messages that only host and agent may send each other.
bool is_control_plane(std::string_view type) {
    static constexpr std::array<std::string_view, 14> types = {
        wire::Bootstrap::type,      wire::InitResolved::type,   wire::InitAck::type,
        wire::Ready::type,          wire::BootFailed::type,     wire::RelayClientDisconnected::type,
        wire::ClockSync::type,      wire::Heartbeat::type,      wire::SessionNumber::type,
        wire::SessionObserve::type, wire::SessionOutput::type,  wire::SessionEnded::type,
        wire::Drained::type,        wire::ReadersProgress::type};
    return std::find(types.begin(), types.end(), type) != types.end();
}

} // namespace

/// One host client and its guest connection.
class Relay::Client : public std::enable_shared_from_this<Relay::Client> {
  public:
    Client(Relay& relay, std::size_t slot, OwnedFd socket)
        : relay_(relay), slot_(slot), socket_(std::move(socket)),
          recorder_(relay.log_, relay.session_counter_) {}

    ~Client() {
        if (socket_)
            relay_.loop_.unwatch(socket_.get());
        if (guest_)
            guest_->close();
    }

    Status start();
    /// The log has written something.
    void log_progress();

  private:
    std::uint32_t id_start() const {
        return static_cast<std::uint32_t>(slot_) * Relay::id_step + 1;
    }
    std::uint32_t id_end() const { return id_start() + Relay::id_step - 1; }

    std::size_t sendable() const {
        return holds_.empty() ? to_client_.size() : holds_.front().bytes;
    }

    void handle_socket(std::uint32_t events);
    void read_client();
    /// False if the client must go.
    bool take_client_frames();
    bool take_client_frame(const wire::Frame& frame);
    void announce(const wire::Frame& frame, const wire::Envelope& envelope);
    bool takes_frames() const;
    void read_guest();
    Status take_guest_frames(BytesView& data);
    Status take_large_frame(BytesView& data);
    bool must_wait_for_log(const wire::Frame& frame);
    void guest_gone();
    void pass_to_client(BytesView frames);
    void flush_to_guest();
    void flush_to_client();
    void update_events();
    void finish(std::string_view why);

    Relay& relay_;
    std::size_t slot_;
    OwnedFd socket_;
    std::shared_ptr<device::Stream> guest_;
    SessionRecorder recorder_;
    wire::FrameReader from_client_;
    wire::FrameReader from_guest_; ///< of a frame beyond max_in_place, what has arrived
    OutBuffer to_guest_;
    OutBuffer to_client_;
    /// The end of a session is only reported when its output is in the log, so that a client that
    /// saw the end finds the output there. These are the bytes of to_client_ in front of such a
    /// frame, and the log's entry.
    struct Hold {
        std::size_t bytes;
        std::uint64_t entry;
    };
    std::deque<Hold> holds_;
    std::uint32_t watched_events_ = EPOLLIN;
    bool gone_ = false;          ///< the guest's side is closed; what it sent may still be here
    bool owes_refusals_ = false; ///< some are in to_client_
    bool finished_ = false;
};

Status Relay::Client::start() {
    MSB_TRY(sys::set_nonblocking(socket_.get()));
    std::array<std::uint8_t, 8> range;
    store_be(MutableBytesView(range).first(4), id_start());
    store_be(MutableBytesView(range).subspan(4, 4), id_end());
    to_client_.append(range);
    to_client_.append(relay_.ready_);

    guest_ = relay_.dial_(wire::client_port);
    if (!guest_)
        return fail(ErrorKind::limit_exceeded, "too many connections to the guest");
    const std::weak_ptr<Client> weak = weak_from_this();
    const auto guarded = [weak](void (Client::*member)()) {
        return [weak, member] {
            if (const auto self = weak.lock())
                (self.get()->*member)();
        };
    };
    guest_->on_connected = guarded(&Client::flush_to_guest);
    guest_->on_readable = guarded(&Client::read_guest);
    guest_->on_writable = guarded(&Client::flush_to_guest);
    guest_->on_closed = [weak](auto&&...) {
        if (const auto self = weak.lock())
            self->guest_gone();
    };
    MSB_TRY(relay_.loop_.watch(socket_.get(), EPOLLIN, [weak](std::uint32_t events) {
        if (const auto self = weak.lock())
            self->handle_socket(events);
    }));
    flush_to_client();
    return {};
}

void Relay::Client::finish(std::string_view why) {
    if (std::exchange(finished_, true))
        return;
    log::debug("client {}: {}", slot_, why);
    // Not from inside one of our own callbacks: they still use *this.
    relay_.loop_.unwatch(socket_.get());
    relay_.loop_.post([&relay = relay_, slot = slot_, self = shared_from_this()] {
        const auto found = relay.clients_.find(slot);
        if (found != relay.clients_.end() && found->second == self)
            relay.remove(slot);
    });
}

void Relay::Client::update_events() {
    if (finished_)
        return;
    std::uint32_t events = 0;
    if (takes_frames())
        events |= EPOLLIN;
    if (sendable() > 0)
        events |= EPOLLOUT;
    if (std::exchange(watched_events_, events) != events)
        (void)relay_.loop_.modify(socket_.get(), events);
}

void Relay::Client::handle_socket(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        flush_to_client();
        read_guest(); // what waited for room
    }
    if (finished_)
        return;
    if ((events & EPOLLIN) != 0)
        read_client();
    else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        finish("hung up");
}

/// A client that does not read refusals gets no more of them and is not read from. Unread output is
/// different: its command may have to be signalled.
bool Relay::Client::takes_frames() const {
    return to_guest_.size() <= high_water && (!owes_refusals_ || to_client_.size() <= high_water);
}

void Relay::Client::read_client() {
    if (!takes_frames())
        return;
    const MutableBytesView space = from_client_.prepare(read_chunk);
    const ssize_t count = ::read(socket_.get(), space.data(), space.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        return finish("hung up");
    from_client_.commit(static_cast<std::size_t>(count));
    if (!take_client_frames())
        return finish("sent a malformed frame");
    flush_to_guest();
}

bool Relay::Client::take_client_frames() {
    for (;;) {
        const auto frame = from_client_.next();
        if (!frame)
            return false;
        if (!*frame)
            return true;
        if (!take_client_frame(**frame))
            return false;
    }
}

bool Relay::Client::take_client_frame(const wire::Frame& frame) {
    const auto envelope = wire::decode_envelope(frame.body);
    if (!envelope)
        return false;
    if (envelope->type == wire::Shutdown::type) {
        const auto shutdown = wire::Shutdown::decode(envelope->payload);
        if (!shutdown || (frame.flags & wire::flag_shutdown) == 0)
            return false;
        relay_.events_.shutdown(*shutdown);
        return true;
    }
    if (envelope->type == wire::Drain::type) {
        if (!wire::Drain::decode(envelope->payload) || (frame.flags & wire::flag_shutdown) == 0)
            return false;
        relay_.events_.drain();
        return true;
    }
    if (frame.id < id_start() || frame.id >= id_end())
        return false;
    if (is_control_plane(envelope->type)) {
        owes_refusals_ = true;
        wire::append_message(to_client_.tail(), frame.id,
                             wire::CoreError{wire::CoreErrorKind::unsupported_message_type,
                                             "clients may not send this message",
                                             std::string(envelope->type)});
        flush_to_client();
        return true;
    }
    announce(frame, *envelope);
    to_guest_.append(wire::raw_frame(frame));
    return true;
}

/// What the agent and the log have to know of a session before its request arrives.
void Relay::Client::announce(const wire::Frame& frame, const wire::Envelope& envelope) {
    bool kept = envelope.type == wire::SessionDetach::type;
    if (envelope.type == wire::ExecRequest::type && frame.flags == wire::ExecRequest::flags) {
        const auto request = wire::ExecRequest::decode(envelope.payload);
        const std::uint64_t number = request ? recorder_.request(frame.id, *request) : 0;
        if (number != 0)
            wire::append_message(to_guest_.tail(), frame.id, wire::SessionNumber{number});
        kept = request && request->detach;
    }
    if (kept)
        relay_.events_.session_kept();
}

void Relay::Client::flush_to_guest() {
    if (finished_)
        return;
    to_guest_.consume(guest_->write(to_guest_.view()));
    update_events();
}

void Relay::Client::log_progress() {
    while (!holds_.empty() && relay_.log_.written(holds_.front().entry))
        holds_.pop_front();
    flush_to_client();
    read_guest();
}

void Relay::Client::guest_gone() {
    gone_ = true;
    relay_.log_.flush(); // what waited for it
    log_progress();
}

void Relay::Client::read_guest() {
    while (!finished_ && to_client_.size() <= high_water && !relay_.log_.full()) {
        BytesView data = guest_->readable();
        const std::size_t available = data.size();
        const Status taken =
            from_guest_.buffered() > 0 ? take_large_frame(data) : take_guest_frames(data);
        if (!taken)
            return finish("received a malformed frame from the guest");
        if (gone_ || guest_->ended())
            data = {}; // an incomplete frame will not be completed any more
        if (data.size() == available)
            break;
        guest_->consume(available - data.size());
    }
    const bool at_end = guest_->at_end() || (gone_ && guest_->readable().empty());
    if (!finished_ && at_end && to_client_.empty())
        finish("the guest closed the connection");
}

/// Passes on the whole frames at the beginning of `data`, which is then what is left.
Status Relay::Client::take_guest_frames(BytesView& data) {
    BytesView frames; // one behind the other: they go together
    for (;;) {
        const auto frame = wire::take_frame(data);
        if (!frame || !*frame) {
            pass_to_client(frames);
            MSB_TRY(frame);
            break;
        }
        if (must_wait_for_log(**frame)) {
            pass_to_client(std::exchange(frames, {}));
            holds_.push_back({to_client_.size(), relay_.log_.newest()});
        }
        const BytesView raw = wire::raw_frame(**frame);
        frames = frames.empty() ? raw : BytesView(frames.data(), frames.size() + raw.size());
    }
    if (data.size() + wire::missing_bytes(data) > max_in_place)
        from_guest_.feed(std::exchange(data, {}));
    return {};
}

/// Goes on with the frame that is put together in from_guest_.
Status Relay::Client::take_large_frame(BytesView& data) {
    const std::size_t size = std::min(data.size(), from_guest_.missing());
    from_guest_.feed(data.first(size));
    data = data.subspan(size);
    const auto frame = MSB_TRY(from_guest_.next());
    if (!frame)
        return {};
    if (must_wait_for_log(*frame))
        holds_.push_back({to_client_.size(), relay_.log_.newest()});
    pass_to_client(wire::raw_frame(*frame));
    return {};
}

/// Records what the frame says of its session.
bool Relay::Client::must_wait_for_log(const wire::Frame& frame) {
    const auto envelope = wire::decode_envelope(frame.body);
    return envelope && recorder_.from_guest(frame.id, *envelope) &&
           !relay_.log_.written(relay_.log_.newest());
}

/// Sends at once what can be sent, so that only the rest is copied.
void Relay::Client::pass_to_client(BytesView frames) {
    if (to_client_.empty() && holds_.empty() && !frames.empty() && !finished_) {
        const ssize_t count =
            ::send(socket_.get(), frames.data(), frames.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) {
            frames = frames.subspan(static_cast<std::size_t>(count));
            relay_.took(static_cast<std::size_t>(count));
        }
    }
    to_client_.append(frames);
    flush_to_client();
}

void Relay::Client::flush_to_client() {
    while (!finished_ && sendable() > 0) {
        const BytesView data = to_client_.view().first(sendable());
        const ssize_t count =
            ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            to_client_.consume(static_cast<std::size_t>(count));
            relay_.took(static_cast<std::size_t>(count));
            owes_refusals_ = owes_refusals_ && !to_client_.empty();
            for (Hold& hold : holds_)
                hold.bytes -= static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            return finish("hung up");
        }
    }
    update_events();
}

Relay::Relay(EventLoop& loop, device::Dial dial, ExecLog& log, Events events)
    : loop_(loop), dial_(std::move(dial)), log_(log), events_(std::move(events)) {}

Relay::~Relay() {
    stop_accepting();
}

Status Relay::serve(OwnedFd listener, Bytes ready) {
    listener_ = std::move(listener);
    ready_ = std::move(ready);
    MSB_TRY(sys::set_nonblocking(listener_.get()));
    return loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_client(); });
}

void Relay::stop_accepting() {
    if (listener_) {
        loop_.unwatch(listener_.get());
        listener_.reset();
    }
}

void Relay::accept_client() {
    OwnedFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket)
        return;
    std::size_t slot = 0;
    while (clients_.contains(slot))
        ++slot;
    if (slot >= max_clients) {
        log::warn("refused a client: all {} slots are taken", max_clients);
        return;
    }
    auto client = std::make_shared<Client>(*this, slot, std::move(socket));
    clients_[slot] = client;
    log::debug("client {}: connected", slot);
    if (const auto started = client->start(); !started) {
        log::warn("client {}: {}", slot, started.error().to_string());
        remove(slot);
    }
}

void Relay::log_progress() {
    // A client that ends here leaves the map.
    std::vector<std::shared_ptr<Client>> clients;
    clients.reserve(clients_.size());
    for (const auto& [slot, client] : clients_)
        clients.push_back(client);
    for (const auto& client : clients)
        client->log_progress();
}

void Relay::took(std::size_t count) {
    taken_ += count;
    taken_at_ = EventLoop::Clock::now();
}

void Relay::remove(std::size_t slot) {
    clients_.erase(slot);
    if (finish_ && clients_.empty())
        check_finished();
}

void Relay::finish(EventLoop::Clock::time_point deadline, std::function<void()> done) {
    stop_accepting();
    finish_ = Finish{deadline, std::move(done), EventLoop::Clock::now() + last_chance};
    check_finished();
}

void Relay::check_finished() {
    if (!finish_)
        return;
    const auto patience = std::max(finish_->last_chance, taken_at_ + wire::reader_patience);
    if (!clients_.empty() && EventLoop::Clock::now() < std::min(finish_->deadline, patience)) {
        loop_.after(look_again, [this] { check_finished(); });
        return;
    }
    const auto done = std::move(finish_->done);
    finish_.reset();
    done();
}

} // namespace msb
