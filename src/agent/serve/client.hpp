// One connection: frames in, frames out. What the frames are about is done by the parts that it
// hands them to.
#pragma once

#include "agent/core/channel.hpp"
#include "agent/exec/client_sessions.hpp"
#include "agent/files/service.hpp"
#include "agent/tcp/streams.hpp"
#include "base/fd.hpp"
#include "base/out_buffer.hpp"
#include "wire/all_messages.hpp"

#include <memory>

namespace msb::agent {

class Server;

class Client final : public Channel {
  public:
    Client(Server& server, OwnedFd socket);
    /// Kills what its sessions still run.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    Status start();

    bool accepts_output() override;
    void input_bound_changed() override;

    /// Sends what the socket takes. Whoever waits for room goes on when there is.
    void flush();
    std::size_t unsent() const { return broken_ ? 0 : out_.size(); }
    std::size_t tcp_count() const { return tcp_.size(); }
    std::uint32_t file_stream_count() const { return files_ ? files_->stream_count() : 0; }
    void end_file_operations() { files_.reset(); }

    static constexpr std::size_t output_high = std::size_t{512} << 10; ///< output pauses above
    static constexpr std::size_t output_low = std::size_t{128} << 10;  ///< and resumes below
    static constexpr std::size_t output_max = std::size_t{2} << 20;    ///< we stop reading above

  private:
    Bytes& queue(std::string_view type) override;
    bool can_send_at_once(std::size_t size) const override;
    void send_at_once(std::string_view type, BytesView head, BytesView data) override;

    void on_event(std::uint32_t events);
    bool receive();
    void wait_for(std::size_t bytes);
    /// Frames the peer sent are handled one by one; false = this connection must be closed.
    bool handle(const wire::Frame& frame);
    // Handlers for the parts of the protocol; each returns whether it knows the message.
    bool dispatch_core(const wire::Frame& frame, const wire::Envelope& envelope);
    bool dispatch_exec(const wire::Frame& frame, const wire::Envelope& envelope);
    bool dispatch_sessions(const wire::Frame& frame, const wire::Envelope& envelope);
    bool dispatch_files(const wire::Frame& frame, const wire::Envelope& envelope);
    bool dispatch_tcp(const wire::Frame& frame, const wire::Envelope& envelope);
    bool in_use(std::uint32_t id) const {
        return sessions_.contains(id) || tcp_.contains(id) || (files_ && files_->has(id));
    }
    template <typename M>
    bool decode(const wire::Frame& frame, const wire::Envelope& envelope, auto handler);
    /// True if nothing can be started with this id; the client has been told.
    bool refuse_id(std::uint32_t id, std::string_view type);
    FileService& files();
    void send_error(std::uint32_t id, wire::CoreErrorKind kind, std::string message,
                    std::string_view type);
    void count_sent(std::string_view type);
    void flush_later();
    void update_interest();
    void resume_output();

    Server& server_;
    OwnedFd socket_;
    wire::FrameReader reader_;
    int low_water_ = 1; ///< SO_RCVLOWAT
    OutBuffer out_;
    bool dirty_ = false;
    bool full_ = false; ///< the socket takes no more until it says so
    bool output_paused_ = false;
    bool broken_ = false;
    std::uint32_t interest_ = 0;
    ClientSessions sessions_;
    TcpStreams tcp_;
    std::unique_ptr<FileService> files_; ///< made when it is needed first
};

/// True if it was an M, whether or not its payload made sense.
template <typename M>
bool Client::decode(const wire::Frame& frame, const wire::Envelope& envelope, auto handler) {
    if (envelope.type != M::type)
        return false;
    auto message = M::decode(envelope.payload);
    if (!message)
        send_error(frame.id, wire::CoreErrorKind::invalid_payload, message.error().to_string(),
                   envelope.type);
    else
        handler(*message);
    return true;
}

} // namespace msb::agent
