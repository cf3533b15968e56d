// A connection that the client wants made from inside the guest (direct-tcpip).
#pragma once

#include "client/tcp.hpp"
#include "ssh/channel.hpp"
#include "ssh/stream.hpp"

namespace msb::ssh {

class TcpChannel : public Channel {
  public:
    TcpChannel(AgentClient& client, ssh_session session, ssh_channel channel,
               const TcpTarget& target);

    bool turn() override;
    std::uint64_t moved() const override { return stream_.moved(); }

  private:
    void pass_data();
    void fail_with(const std::string& reason);
    TcpEvents events();

    ssh_session session_;
    Stream stream_;
    OutBuffer to_client_;
    OutBuffer to_guest_;
    bool ended_ = false;
    bool guest_done_ = false;  ///< the guest's end of data arrived
    bool client_done_ = false; ///< the client's end of data was passed on
    bool told_client_ = false; ///< the guest's end of data was passed on
    TcpStream guest_;          ///< last: its events use the rest
};

} // namespace msb::ssh
