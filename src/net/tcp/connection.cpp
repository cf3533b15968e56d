#include "net/tcp/connection.hpp"

#include "net/tcp/tcp.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <sys/random.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_timeout = 200ms, longest_timeout = 60s;
/// Unanswered attempts before we give up: 25 s for a handshake, some seven minutes later on, for a
/// guest that is stopped for a while.
constexpr unsigned most_syns = 6, most_silence = 15;
constexpr int duplicates_for_loss = 3; // RFC 5681 §3.2
constexpr std::uint8_t our_scale = 3;
static_assert(TcpConnection::buffer_limit >> our_scale <= UINT16_MAX);

std::uint32_t initial_sequence() {
    std::uint32_t value = 0;
    (void)!::getrandom(&value, sizeof(value), GRND_NONBLOCK);
    return value;
}

} // namespace

TcpConnection::TcpConnection(Tcp& tcp, const Endpoint& guest, const Endpoint& remote, State state)
    : tcp_(tcp), guest_(guest), remote_(remote), state_(state),
      published_(state == State::syn_sent), send_first_(initial_sequence()),
      send_unacked_(send_first_), send_next_(send_first_), send_highest_(send_first_) {}

TcpConnection::~TcpConnection() {
    if (host_)
        tcp_.loop_.unwatch(host_.get());
}

// ---- the guest's side: receiving ----

void TcpConnection::take_syn(const TcpSegment& segment) {
    receive_next_ = segment.sequence + 1;
    announced_ = receive_next_;
    scaling_ = segment.scale.has_value();
    send_scale_ = segment.scale.value_or(0);
    receive_scale_ = scaling_ ? our_scale : std::uint8_t{0};
    selective_ = segment.selective_permitted;
    // RFC 9293 §3.7.1: 536 unless it says otherwise. A smaller one than 64 only makes work.
    const std::uint16_t most = tcp_.segment_size(guest_.address.v6);
    segment_size_ = std::clamp<std::uint16_t>(segment.mss.value_or(536),
                                              std::min<std::uint16_t>(64, most), most);
    send_window_ = segment.window; // never scaled in a SYN
    window_sequence_ = segment.sequence;
    window_acknowledgement_ = segment.acknowledgement;
}

void TcpConnection::segment(const TcpSegment& segment) {
    silent_ = 0;
    if (state_ == State::closed)
        return;
    if (state_ == State::connecting)
        return connecting_segment(segment);
    if (state_ == State::syn_sent)
        return syn_sent_segment(segment);
    // RFC 9293 §3.10.7.4, with RFC 5961's answers to what may be forged.
    if (!acceptable(segment)) {
        if (!segment.has(tcp_flag::rst))
            acknowledge_soon();
        return;
    }
    if (segment.has(tcp_flag::rst))
        return segment.sequence == receive_next_ ? reset(false) : acknowledge_soon();
    if (segment.has(tcp_flag::syn))
        return acknowledge_soon();
    if (!segment.has(tcp_flag::ack))
        return;
    if (state_ == State::syn_received) {
        if (segment.acknowledgement != send_first_ + 1)
            return tcp_.refuse(segment);
        establish(segment);
    }
    if (!acknowledge(segment))
        return;
    take_payload(segment);
    if (state_ != State::closed)
        tcp_.serve_later(*this);
}

void TcpConnection::connecting_segment(const TcpSegment& segment) {
    const bool same = segment.sequence + 1 == receive_next_;
    if (segment.has(tcp_flag::rst)) {
        if (segment.sequence == receive_next_ || same)
            reset(false);
    } else if (segment.has(tcp_flag::syn) && !same) { // another attempt from the same port
        reset(false);
        tcp_.open(segment);
    }
}

/// RFC 9293 §3.10.7.3, without simultaneous open: nothing in the guest knows the port we chose.
void TcpConnection::syn_sent_segment(const TcpSegment& segment) {
    if (!segment.has(tcp_flag::ack))
        return;
    if (segment.acknowledgement != send_first_ + 1) {
        if (!segment.has(tcp_flag::rst))
            tcp_.refuse(segment);
        return;
    }
    if (segment.has(tcp_flag::rst))
        return refused_by_guest();
    if (!segment.has(tcp_flag::syn))
        return;
    take_syn(segment);
    establish(segment);
    tell_accepted();
    acknowledge_soon();
}

/// A server may listen in one family only, or on the guest's loopback.
void TcpConnection::refused_by_guest() {
    if (other_places_.empty())
        return reset(false, "refused");
    tcp_.loop_.unwatch(host_.get());
    OwnedFd socket = std::move(host_);
    const std::uint16_t port = remote_.port;
    FlowRecord record = std::move(record_);
    const std::vector<GuestPort> places = std::move(other_places_);
    close();
    tcp_.accept(std::move(socket), places, port, std::move(record), tells_accepted_);
}

void TcpConnection::establish(const TcpSegment& segment) {
    state_ = State::established;
    send_unacked_ = send_next_ = send_highest_ = gaps_sent_ = send_first_ + 1;
    if (!segment.has(tcp_flag::syn))
        send_window_ = static_cast<std::uint32_t>(segment.window) << send_scale_;
    deadline_ = Clock::time_point::max();
    retries_ = 0;
}

/// Whether some of the segment is new, or it is at the position that we expect.
bool TcpConnection::acceptable(const TcpSegment& segment) const {
    const std::uint32_t edge = receive_next_ + static_cast<std::uint32_t>(to_host_.room());
    if (after(segment.sequence, edge))
        return false;
    if (segment.length() == 0)
        return !before(segment.sequence, receive_next_);
    return after(segment.sequence + segment.length(), receive_next_);
}

bool TcpConnection::acknowledge(const TcpSegment& segment) {
    const std::uint32_t number = segment.acknowledgement;
    if (after(number, send_highest_)) { // of what was never sent
        acknowledge_soon();
        return false;
    }
    const std::uint32_t window = static_cast<std::uint32_t>(segment.window) << send_scale_;
    if (after(number, send_unacked_)) {
        const std::uint32_t count = number - send_unacked_;
        const std::size_t data = std::min<std::size_t>(count, to_guest_.size());
        to_guest_.pop(data);
        fin_acked_ = fin_acked_ || count > data;
        send_unacked_ = number;
        if (before(send_next_, number))
            send_next_ = number;
        if (before(gaps_sent_, number))
            gaps_sent_ = number;
        scoreboard_.acknowledged(number);
        retries_ = 0;
        duplicates_ = 0;
        deadline_ = Clock::time_point::max();
        if (send_unacked_ != send_highest_)
            arm(first_timeout);
    } else if (number == send_unacked_ && send_unacked_ != send_highest_ && segment.length() == 0 &&
               window == send_window_ && !selective_) {
        if (++duplicates_ == duplicates_for_loss)
            send_next_ = send_unacked_;
    }
    if (selective_)
        scoreboard_.add(std::span(segment.selective).first(segment.selective_count), send_unacked_,
                        send_highest_);
    if (before(window_sequence_, segment.sequence) ||
        (window_sequence_ == segment.sequence && !after(window_acknowledgement_, number))) {
        if (send_window_ == 0 && window != 0)
            deadline_ = Clock::time_point::max(); // of the probe; sending sets its own
        send_window_ = window;
        window_sequence_ = segment.sequence;
        window_acknowledgement_ = number;
    }
    return true;
}

void TcpConnection::take_payload(const TcpSegment& segment) {
    BytesView payload = segment.payload;
    bool end = segment.has(tcp_flag::fin);
    if (payload.empty() && !end)
        return;
    acknowledge_soon();
    if (host_failed_ || guest_ended_)
        return;
    if (after(segment.sequence, receive_next_)) { // behind a gap
        const std::size_t ahead = segment.sequence - receive_next_, room = room_in(to_host_);
        if (selective_ && ahead < room)
            early_.add(segment.sequence, payload.first(std::min(payload.size(), room - ahead)));
        return; // what there is no room for, and an end, the guest will send again
    }
    payload =
        payload.subspan(std::min<std::size_t>(payload.size(), receive_next_ - segment.sequence));
    if (payload.size() > to_host_.room()) {
        payload = payload.first(to_host_.room());
        end = false;
    }
    receive_next_ += static_cast<std::uint32_t>(payload.size());
    if (to_host_.empty() && host_writable_ && !opening_ && !payload.empty()) {
        const ssize_t count =
            ::send(host_.get(), payload.data(), payload.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count >= 0) {
            payload = payload.subspan(static_cast<std::size_t>(count));
            record_.sent += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN)
            host_writable_ = false;
        else
            return write_failed();
    }
    to_host_.append(payload);
    if (end)
        early_.clear(); // nothing is behind it
    take_early();
    if (end) {
        guest_ended_ = true;
        ++receive_next_;
        end_host_writing();
    }
}

/// The gap is closed: what was behind it follows.
void TcpConnection::take_early() {
    while (const auto data = early_.take(receive_next_)) {
        to_host_.append(*data);
        receive_next_ += static_cast<std::uint32_t>(data->size());
    }
}

// ---- the guest's side: sending ----

bool TcpConnection::send() {
    switch (state_) {
    case State::connecting:
    case State::closed: return true;
    case State::syn_sent:
    case State::syn_received: return send_next_ != send_first_ || send_syn();
    case State::established: break;
    }
    if (!fill_gaps() || !send_data())
        return false;
    if (acknowledge_due_ && !emit(tcp_flag::ack, send_highest_, {}))
        return false;
    // Data waits for a closed window. Probe it (RFC 9293 §3.8.6.1), because the guest's update may
    // have been lost.
    const bool unsent = !to_guest_.empty() || (host_ended_ && !host_failed_ && !fin_acked_);
    if (unsent && deadline_ == Clock::time_point::max())
        arm(first_timeout);
    return true;
}

bool TcpConnection::send_syn() {
    const bool answer = state_ == State::syn_received;
    TcpSegment syn{.source = remote_,
                   .destination = guest_,
                   .sequence = send_first_,
                   .acknowledgement = answer ? receive_next_ : 0,
                   .window = window_field(0),
                   .flags = static_cast<std::uint8_t>(tcp_flag::syn | (answer ? tcp_flag::ack : 0)),
                   .mss = tcp_.segment_size(guest_.address.v6)};
    if (!answer || scaling_)
        syn.scale = our_scale;
    syn.selective_permitted = !answer || selective_;
    if (!tcp_.output_.tcp(syn, segment_size_)) {
        tcp_.wait_for_room(*this);
        return false;
    }
    announced_ = receive_next_ + syn.window;
    send_next_ = send_highest_ = send_first_ + 1;
    acknowledge_due_ = false;
    arm(first_timeout);
    return true;
}

/// Sends what the guest has shown that it lacks. The link keeps the order, so what it has from behind a gap
/// is proof enough; but no more than once, as long as no timer has found that this was lost as well.
bool TcpConnection::fill_gaps() {
    const std::size_t most = tcp_.output_.most_payload(guest_.address.v6, segment_size_);
    while (const auto gap = scoreboard_.gap(gaps_sent_)) {
        const auto data = to_guest_.view().subspan(
            std::min<std::size_t>(to_guest_.size(), gap->begin - send_unacked_));
        const BytesView piece = data.first(std::min({data.size(), most, std::size_t{gap->size()}}));
        if (piece.empty())
            break;
        if (!emit(tcp_flag::ack, gap->begin, piece))
            return false;
        gaps_sent_ = gap->begin + static_cast<std::uint32_t>(piece.size());
    }
    return true;
}

bool TcpConnection::send_data() {
    const bool v6 = guest_.address.v6;
    const std::size_t most = tcp_.output_.most_payload(v6, segment_size_);
    for (;;) {
        const std::uint32_t in_flight = send_next_ - send_unacked_;
        if (in_flight > to_guest_.size() || fin_acked_)
            return true; // the FIN is out
        const std::size_t unsent = to_guest_.size() - in_flight;
        const std::size_t usable = send_window_ > in_flight ? send_window_ - in_flight : 0;
        std::size_t count = std::min({unsent, usable, most});
        if (count < unsent && count < segment_size_ && in_flight > 0)
            count = 0; // no small segments because of a small window (RFC 9293 §3.8.6.2.1)
        else if (count < unsent && count > segment_size_)
            count -= count % segment_size_;
        const bool fin = host_ended_ && !host_failed_ && count == unsent && usable > count;
        if (count == 0 && !fin)
            return true;
        std::uint8_t flags = tcp_flag::ack;
        if (count == unsent)
            flags |= tcp_flag::psh;
        if (fin)
            flags |= tcp_flag::fin;
        if (!emit(flags, send_next_, to_guest_.view().subspan(in_flight, count)))
            return false;
        send_next_ += static_cast<std::uint32_t>(count) + (fin ? 1 : 0);
        if (after(send_next_, send_highest_))
            send_highest_ = send_next_;
        if (deadline_ == Clock::time_point::max())
            arm(first_timeout);
    }
}

bool TcpConnection::emit(std::uint8_t flags, std::uint32_t sequence, BytesView payload) {
    TcpSegment segment{.source = remote_,
                       .destination = guest_,
                       .sequence = sequence,
                       .acknowledgement = receive_next_,
                       .window = window_field(receive_scale_),
                       .flags = flags,
                       .payload = payload};
    if (payload.empty()) // a full segment has no room for it
        early_.describe(segment);
    if (!tcp_.output_.tcp(segment, segment_size_)) {
        tcp_.wait_for_room(*this);
        return false;
    }
    announced_ = receive_next_ + (std::uint32_t{segment.window} << receive_scale_);
    acknowledge_due_ = acknowledge_due_ && !payload.empty() && !early_.empty();
    return true;
}

std::uint16_t TcpConnection::window_field(std::uint8_t scale) const {
    return static_cast<std::uint16_t>(
        std::min<std::size_t>(room_in(to_host_) >> scale, UINT16_MAX));
}

/// By enough to be worth a segment of its own (RFC 9293 §3.8.6.2.2).
bool TcpConnection::window_grew() const {
    if (guest_ended_)
        return false;
    const std::uint32_t edge =
        receive_next_ + (std::uint32_t{window_field(receive_scale_)} << receive_scale_);
    if (!after(edge, announced_))
        return false;
    const std::uint32_t grown = edge - announced_;
    const bool shut = !after(announced_, receive_next_ + segment_size_);
    return grown >= buffer_limit / 2 || (shut && grown >= segment_size_);
}

void TcpConnection::acknowledge_soon() {
    acknowledge_due_ = true;
    tcp_.serve_later(*this);
}

// ---- memory ----

std::size_t TcpConnection::room_in(const ByteQueue& queue) const {
    const std::size_t limit = tcp_.queue_limit();
    return queue.size() < limit ? limit - queue.size() : 0;
}

/// Frees an empty queue's memory if there are so many connections that they share a budget.
void TcpConnection::give_memory_back() {
    if (tcp_.queue_limit() == buffer_limit)
        return;
    for (ByteQueue* queue : {&to_host_, &to_guest_})
        if (queue->empty())
            queue->clear();
}

// ---- time, and the end ----

void TcpConnection::arm(std::chrono::milliseconds delay) {
    const auto shift = std::min(retries_, 9u);
    deadline_ = Clock::now() + std::min(delay * (1 << shift), std::max(delay, longest_timeout));
    tcp_.deadline_set();
}

void TcpConnection::timer(Clock::time_point now) {
    if (now < deadline_)
        return;
    deadline_ = Clock::time_point::max();
    if (state_ == State::connecting)
        return connect_failed(Error::from_errno(ETIMEDOUT, "connect", remote_.to_string()));
    if (waiting_) // the link is full: the segment is not lost, only not sent yet
        return arm(first_timeout);
    if (++silent_ > (embryonic() ? most_syns : most_silence))
        return reset(true);
    ++retries_;
    if (embryonic())
        send_next_ = send_first_;
    else
        send_next_ = gaps_sent_ = send_unacked_;
    scoreboard_.clear();                   // the guest may have thought better of it (RFC 2018 §8)
    if (!embryonic() && send_window_ == 0) // an old number, which the guest answers with its window
        (void)emit(tcp_flag::ack, send_unacked_ - 1, {});
    send();
}

/// Whether both directions have ended and both sides know, or the host has broken off and the guest
/// has everything from before.
void TcpConnection::settle() {
    if (state_ != State::established)
        return;
    if (host_failed_ && host_ended_ && send_next_ - send_unacked_ >= to_guest_.size())
        reset(true);
    else if (fin_acked_ && guest_ended_ && host_shut_)
        close();
}

void TcpConnection::reset(bool tell_guest, std::string_view outcome) {
    if (state_ == State::closed)
        return;
    record_.outcome = state_ == State::connecting ? "failed" : outcome;
    if (tell_guest)
        tcp_.send_reset({.source = remote_,
                         .destination = guest_,
                         .sequence = send_highest_,
                         .acknowledgement = receive_next_,
                         .flags = tcp_flag::rst | tcp_flag::ack});
    if (host_) {
        const linger abort{1, 0};
        ::setsockopt(host_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
    }
    close();
}

void TcpConnection::close() {
    state_ = State::closed;
    deadline_ = Clock::time_point::max();
    if (host_) {
        tcp_.loop_.unwatch(host_.get());
        host_.reset();
    }
    to_host_.clear();
    to_guest_.clear();
    early_.clear();
    tcp_.forget(*this);
}

} // namespace msb::net
