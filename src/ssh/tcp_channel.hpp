// A connection that the client wants made from inside the guest (direct-tcpip).
#pragma once

#include "client/tcp.hpp"
#include "ssh/channel.hpp"
#include "ssh/stream.hpp"

#include <optional>

namespace msb::ssh {

class TcpChannel : public Channel {
  public:
    /// `request` is the client's message that opens the channel; it is answered when the guest has
    /// connected, or could not.
    TcpChannel(AgentClient& client, ssh_session session, ssh_message request);
    ~TcpChannel() override;

    bool turn() override;
    std::uint64_t moved() const override { return stream_ ? stream_->moved() : 0; }

  private:
    bool answer();
    void pass_data();
    TcpEvents events();

    ssh_session session_;
    ssh_message request_; ///< null once it is answered
    std::optional<Stream> stream_;
    OutBuffer to_client_;
    OutBuffer to_guest_;
    std::string failure_;
    bool ended_ = false;
    bool guest_done_ = false;  ///< the guest's end of data arrived
    bool client_done_ = false; ///< the client's end of data was passed on
    bool told_client_ = false; ///< the guest's end of data was passed on
    TcpStream guest_;          ///< last: its events use the rest
};

} // namespace msb::ssh
