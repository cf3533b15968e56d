// One connection: frames in, sessions, frames out.
#pragma once

#include "agent/exec/kept_sessions.hpp"
#include "agent/exec/session.hpp"
#include "agent/files/files.hpp"
#include "agent/tcp/tcp.hpp"
#include "base/fd.hpp"
#include "base/out_buffer.hpp"
#include "wire/all_messages.hpp"

#include <memory>
#include <unordered_map>

namespace msb::agent {

class Client;
class Server;

/// One id of a client: a session that ends with the connection.
class ClientSession final : public SessionOwner {
  public:
    ClientSession(Client& client, std::uint32_t id, std::uint64_t number)
        : client_(client), id_(id), number_(number) {}
    ClientSession(const ClientSession&) = delete;
    ClientSession& operator=(const ClientSession&) = delete;

    std::unique_ptr<Session> session;
    std::uint64_t number() const { return number_; }

    bool accepts_output() override;
    void started(pid_t pid) override;
    void output(bool error, BytesView data) override;
    void input_failed(const wire::ExecStdinError& error) override;
    void grant_input(std::uint64_t bytes) override;
    void input_bound_changed() override;
    void failed(const wire::ExecFailed& failure) override;
    void exited(const wire::ExecExited& exited) override;

  private:
    Client& client_;
    std::uint32_t id_;
    std::uint64_t number_;
};

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
        count_sent(M::type);
        if constexpr (wire::DataMessage<M>) {
            if (message.data.size() >= direct_size && out_.empty()) {
                Bytes head;
                wire::append_data_head<M>(head, id, message.data.size());
                return send_directly(head, message.data);
            }
        }
        wire::append_message(out_.tail(), id, message);
        flush_later();
    }

    /// False while the peer is so far behind that sessions should not read more output; they are
    /// told when there is room again.
    bool accepts_output();
    /// Sends what the socket takes. Sessions resume when there is room.
    void flush();
    std::size_t unsent() const { return broken_ ? 0 : out_.size(); }
    /// The session has ended and sent its last frame: deletes it.
    void remove_session(std::uint32_t id);
    /// The id is, or is no longer, the id of a kept session.
    void add_kept(std::uint32_t id, KeptSession& session) { kept_[id] = &session; }
    void forget_kept(std::uint32_t id);
    /// A session's input queue went over or came under its bound.
    void input_bound_changed();
    void signal_sessions();
    std::size_t session_count() const { return sessions_.size(); }
    std::size_t tcp_count() const { return tcp_.size(); }
    Session* find_session(std::uint64_t number);
    void list_sessions(std::vector<wire::SessionInfo>& sessions) const;
    std::uint32_t file_stream_count() const { return files_ ? files_->stream_count() : 0; }
    void end_file_operations() { files_.reset(); }

    /// Frames the peer sent are handled one by one; false = this connection must be closed.
    bool handle(const wire::Frame& frame);

    static constexpr std::size_t output_high = std::size_t{512} << 10; ///< sessions pause above
    static constexpr std::size_t output_low = std::size_t{128} << 10;  ///< and resume below
    static constexpr std::size_t output_max = std::size_t{2} << 20;    ///< we stop reading above
    static constexpr std::size_t max_sessions = 4096;

  private:
    void on_event(std::uint32_t events);
    bool receive();
    void wait_for(std::size_t bytes);
    bool dispatch(const wire::Frame& frame, const wire::Envelope& envelope);
    bool dispatch_tcp(const wire::Frame& frame, const wire::Envelope& envelope);
    // The messages of session_messages.hpp, in client_sessions.cpp.
    bool dispatch_sessions(const wire::Frame& frame, const wire::Envelope& envelope);
    void detach_session(std::uint32_t id);
    void attach_session(std::uint32_t id, const wire::SessionAttach& request);
    void signal_session(std::uint32_t id, const wire::SessionSignal& request);
    Session* session_of(std::uint32_t id);
    bool in_use(std::uint32_t id) const {
        return sessions_.contains(id) || kept_.contains(id) || tcp_.contains(id) ||
               (files_ && files_->has(id));
    }
    template <typename M>
    bool decode(const wire::Frame& frame, const wire::Envelope& envelope, auto handler);
    /// True: nothing can be started with this id, which the client has been told.
    bool refuse_id(std::uint32_t id, std::string_view type);
    void start_session(std::uint32_t id, const wire::ExecRequest& request);
    void start_file_operation(std::uint32_t id, wire::FsRequest request);
    FileService& files();
    void send_error(std::uint32_t id, wire::CoreErrorKind kind, std::string message,
                    std::string_view type);
    void count_sent(std::string_view type);
    /// With nothing queued: only what the socket does not take is copied.
    void send_directly(BytesView head, BytesView data);
    void flush_later();
    void update_interest();
    void resume_output();

    /// Data of this size are worth a system call of their own.
    static constexpr std::size_t direct_size = std::size_t{16} << 10;

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
    std::unordered_map<std::uint32_t, std::unique_ptr<ClientSession>> sessions_;
    std::unordered_map<std::uint32_t, KeptSession*> kept_; ///< attached, or starting
    TcpStreams tcp_;
    std::pair<std::uint32_t, std::uint64_t> announced_; ///< core.session.number: id, number
    bool observer_ = false;
    bool input_over_bound_ = false;
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
