// One connection: frames in, sessions, frames out.
#pragma once

#include "agent/session.hpp"
#include "agent/tcp.hpp"
#include "base/fd.hpp"
#include "wire/all_messages.hpp"

#include <memory>
#include <unordered_map>

namespace msb::agent {

class Server;

class Client {
  public:
    Client(Server& server, OwnedFd socket);
    /// Kills what its sessions still run.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    Status start();

    /// Queues one frame; it leaves at the end of the round.
    template <typename M> void send(std::uint32_t id, const M& message) {
        prepare_to_send(M::type);
        wire::append_message(out_, id, message);
    }

    /// False while the peer is so far behind that sessions should not read more output.
    bool accepts_output() const { return queued() < output_high; }
    void pause_sessions_if_full();
    /// Sends what the socket takes; true if nothing is left. Sessions resume when there is room.
    bool flush();
    /// The session has ended and sent its last frame: deletes it.
    void remove_session(std::uint32_t id) { sessions_.erase(id); }
    /// A session's input queue went over or came under its bound.
    void input_bound_changed();
    void signal_sessions();
    std::size_t session_count() const { return sessions_.size(); }
    std::size_t tcp_count() const { return tcp_.size(); }

    /// Frames the peer sent are handled one by one; false = this connection must be closed.
    bool handle(const wire::Frame& frame);

    static constexpr std::size_t output_high = std::size_t{512} << 10; ///< sessions pause above
    static constexpr std::size_t output_low = std::size_t{128} << 10;  ///< and resume below
    static constexpr std::size_t output_max = std::size_t{2} << 20;    ///< we stop reading above
    static constexpr std::size_t max_sessions = 4096;

  private:
    void on_event(std::uint32_t events);
    bool receive();
    bool dispatch(const wire::Frame& frame, const wire::Envelope& envelope);
    bool dispatch_tcp(const wire::Frame& frame, const wire::Envelope& envelope);
    template <typename M>
    bool decode(const wire::Frame& frame, const wire::Envelope& envelope, auto handler);
    /// True: nothing can be started with this id, which the client has been told.
    bool refuse_id(std::uint32_t id, std::string_view type);
    void start_session(std::uint32_t id, const wire::ExecRequest& request);
    void send_error(std::uint32_t id, wire::CoreErrorKind kind, std::string message,
                    std::string_view type);
    void prepare_to_send(std::string_view type);
    void update_interest();
    std::size_t queued() const { return out_.size() - out_begin_; }

    Server& server_;
    OwnedFd socket_;
    wire::FrameReader reader_;
    std::size_t read_size_;
    Bytes out_;
    std::size_t out_begin_ = 0;
    bool dirty_ = false;
    bool output_paused_ = false;
    bool broken_ = false;
    std::uint32_t interest_ = 0;
    std::unordered_map<std::uint32_t, std::unique_ptr<Session>> sessions_;
    TcpStreams tcp_;
};

} // namespace msb::agent
