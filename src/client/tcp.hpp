// One connection that the agent makes from inside the guest, seen from a client.
#pragma once

#include "client/agent_client.hpp"
#include "wire/flow.hpp"

namespace msb {

/// A TCP port or a Unix stream socket, as the guest sees it.
struct TcpTarget {
    std::string host; ///< name or address; "unix:/path" or "unix:@name" for a Unix socket
    std::uint16_t port = 0;

    bool is_unix() const { return host.starts_with("unix:"); }
    /// "db:5432", "[::1]:80", "unix:/run/x.sock".
    std::string to_string() const;
};

struct TcpEvents {
    std::function<void()> connected;
    /// Call TcpStream::consumed() once the bytes have found a place.
    std::function<void(BytesView)> data;
    std::function<void()> end_of_data; ///< the destination sends no more; it may still read
    std::function<void()> room;        ///< room() has grown
    std::function<void()> closed;      ///< both directions are done
    std::function<void(const wire::TcpFailed&)> failed;
    /// core.error or an undecodable message. After one of closed, failed and broken nothing more is
    /// called. (A lost connection to the agent is told to its owner: AgentClient::on_closed.)
    std::function<void(const Error&)> broken;
};

/// Nothing blocks and nothing is queued here: room() says what may be sent now, and the guest may
/// only send ahead of consumed() up to the window. Other streams of the client are not affected.
class TcpStream {
  public:
    /// How much the guest may be ahead of consumed().
    static constexpr std::uint32_t window = std::uint32_t{256} << 10;

    TcpStream(AgentClient& client, const TcpTarget& target, TcpEvents events);
    /// Resets the connection if it has not ended. Not to be called from the stream's own events.
    ~TcpStream();
    TcpStream(const TcpStream&) = delete;
    TcpStream& operator=(const TcpStream&) = delete;

    bool connected() const { return connected_; }
    bool ended() const { return ended_; }
    /// Bytes that write() takes now; 0 before the connection is there.
    std::size_t room() const;
    /// Returns how many bytes it took, at most room().
    std::size_t write(BytesView data);
    /// The destination sees the end of our data; its own may go on.
    void finish_writing();
    /// So many bytes of `data` were passed on.
    void consumed(std::size_t bytes);
    /// Gives the connection up; `closed` follows. `reset`: the destination sees a reset, so that it
    /// does not take what it got for complete.
    void close(bool reset);

  private:
    void handle(const wire::Envelope& envelope);
    template <typename M, typename Deliver> void deliver(BytesView payload, Deliver call);
    void handle_end(const wire::Envelope& envelope);

    AgentClient& client_;
    TcpEvents events_;
    std::uint32_t id_;
    wire::SendWindow send_window_{true};
    std::size_t to_grant_ = 0;
    bool connected_ = false;
    bool ended_ = false;
};

} // namespace msb
