// One TCP connection of the guest (RFC 9293), spliced to a host socket.
//
// Theory of operation. The guest's side is a TCP endpoint of our own; the host's side is an
// ordinary non-blocking socket. Between the two are two bounded queues:
//
//   guest --segments--> [to_host] --send(2)--> socket      in order only; what a full queue has no
//                                                          room for is outside our window
//   guest <--segments-- [to_guest] <--recv(2)-- socket     kept until the guest acknowledges it
//
// Both are shorter when there are many connections (Tcp::queue_limit); a window that was announced
// to the guest is honoured. The link is memory, so segments neither get lost nor overtake each other
// there, and there is nothing to be learned about congestion. But a guest drops some on its side: when
// it is short of memory, or shapes its traffic. So there are timers, and selective acknowledgement in both
// directions (tcp/selective.hpp): what is behind a gap is kept in the room that the window has promised,
// and where the guest has a gap, that alone is sent again, once; should that be lost, too, a timer has all
// sent from there on.
//
// Where rules by name or interception decide, the guest's first bytes stay in the queue until they were looked at
// (tls/opening.hpp); the host's go their way meanwhile, as some servers speak first.
//
// Where TLS is intercepted, the socket is handed over when the opening was seen, and the end of a
// socket pair takes its place: to us it is the same.
//
// A guest's SYN is answered when the host's connect has succeeded, and refused as that was. The
// ends of the two directions are independent of each other and handed on as they come: FIN becomes
// shutdown(2), end of file becomes FIN, errors become RST and RST an abortive close.
#pragma once

#include "base/byte_queue.hpp"
#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "net/handshake.hpp"
#include "net/ledger/ledger.hpp"
#include "net/output.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/selective.hpp"
#include "net/tls/opening.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace msb::net {

class Tcp;

/// Where a published port leads, and who the guest sees there.
struct GuestPort {
    Endpoint guest;
    IpAddress gateway;
};

class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
  public:
    static constexpr std::size_t buffer_limit = std::size_t{256} << 10; ///< each direction

    enum class State {
        connecting,   ///< the guest's SYN waits for the host's connect
        syn_received, ///< our SYN is with the guest, after its own
        syn_sent,     ///< our SYN is with the guest, from a published port
        established,
        closed,
    };

    TcpConnection(Tcp& tcp, const Endpoint& guest, const Endpoint& remote, State state);
    ~TcpConnection();
    TcpConnection(const TcpConnection&) = delete;
    TcpConnection& operator=(const TcpConnection&) = delete;

    void segment(const TcpSegment& segment);
    void timer(EventLoop::Clock::time_point now);
    /// Moves what can be moved in both directions. False: the link has no room.
    bool pump();
    State state() const { return state_; }
    bool embryonic() const { return state_ != State::established && state_ != State::closed; }

  private:
    friend class Tcp;
    using Clock = EventLoop::Clock;

    // The host's side.
    Status adopt(OwnedFd socket);
    void dial();
    void connect_failed(const Error& error);
    void host_event(std::uint32_t events);
    void finish_connecting();
    void shake_hands();
    void answer_guest();
    void tell_accepted();
    void read_host();
    void moved();
    void write_host();
    std::size_t sendable() const;
    bool look();
    Status intercept();
    void write_failed();
    void end_host_writing();

    // The guest's side.
    /// Sends what can be sent. False: the link has no room.
    bool send();
    void take_syn(const TcpSegment& segment);
    void connecting_segment(const TcpSegment& segment);
    void syn_sent_segment(const TcpSegment& segment);
    void refused_by_guest();
    void establish(const TcpSegment& segment);
    bool acceptable(const TcpSegment& segment) const;
    bool acknowledge(const TcpSegment& segment);
    void take_payload(const TcpSegment& segment);
    bool send_syn();
    bool send_data();
    bool fill_gaps();
    void take_early();
    bool emit(std::uint8_t flags, std::uint32_t sequence, BytesView payload);
    std::uint16_t window_field(std::uint8_t scale) const;
    bool window_grew() const;
    void acknowledge_soon();
    void arm(std::chrono::milliseconds delay);
    void settle();

    std::size_t room_in(const ByteQueue& queue) const;
    void give_memory_back();
    /// `outcome`: for the record.
    void reset(bool tell_guest, std::string_view outcome = "reset");
    void close();

    Tcp& tcp_;
    Endpoint guest_;
    Endpoint remote_;
    State state_;
    bool published_;                      ///< came from a peer, not from the guest
    unsigned attempt_ = 0;                ///< which place the destination leads to
    int first_error_ = 0;                 ///< of the first attempt
    std::vector<GuestPort> other_places_; ///< of a published one: where next if the guest refuses

    FlowRecord record_;
    /// While it has to be seen what the guest opens the connection with; of the queue to the host so
    /// many bytes were.
    std::unique_ptr<OpeningReader> opening_;
    std::size_t cleared_ = 0;

    /// With whoever is between us and where the guest wants to go, until that has connected.
    std::unique_ptr<Handshake> handshake_;
    bool shakes_hands_ = false;
    /// Who has begun the connection waits for a byte that says that the guest has taken it.
    bool tells_accepted_ = false;

    OwnedFd host_;
    bool host_readable_ = false;
    bool host_writable_ = false;
    bool host_ended_ = false;  ///< its end of file was read
    bool host_failed_ = false; ///< it broke off, or takes no more
    bool host_shut_ = false;   ///< our end of file was sent to it

    // RFC 9293 §3.3.1.
    std::uint32_t send_first_ = 0; ///< our initial sequence number
    std::uint32_t send_unacked_ = 0;
    std::uint32_t send_next_ = 0;
    std::uint32_t send_highest_ = 0; ///< beyond send_next_ while something is sent again
    std::uint32_t send_window_ = 0;
    std::uint32_t window_sequence_ = 0, window_acknowledgement_ = 0; ///< of the last update
    std::uint32_t receive_next_ = 0;
    std::uint32_t announced_ = 0; ///< right edge of the window the guest knows
    std::uint8_t send_scale_ = 0, receive_scale_ = 0;
    bool scaling_ = false;
    bool selective_ = false; ///< both sides have selective acknowledgement
    std::uint16_t segment_size_ = 536;
    bool guest_ended_ = false; ///< its FIN is in
    bool fin_acked_ = false;
    bool acknowledge_due_ = false;
    int duplicates_ = 0;
    EarlyData early_;             ///< of the guest's
    Scoreboard scoreboard_;       ///< of ours
    std::uint32_t gaps_sent_ = 0; ///< up to where the guest's gaps were filled

    ByteQueue to_host_{buffer_limit};
    ByteQueue to_guest_{buffer_limit}; ///< begins at send_unacked_

    Clock::time_point deadline_ = Clock::time_point::max();
    unsigned retries_ = 0;      ///< since there was progress: how long to wait the next time
    unsigned silent_ = 0;       ///< since the guest said anything: when to give up
    bool waiting_ = false;      ///< in Tcp's list of those that the link had no room for
    bool to_be_served_ = false; ///< in Tcp's list of those that frames_done() serves
};

} // namespace msb::net
