// The subsystem sftp of a session channel.
#pragma once

#include "ssh/channel.hpp"
#include "ssh/sftp_server.hpp"
#include "ssh/stream.hpp"

namespace msb::ssh {

class SftpWork : public Work {
  public:
    SftpWork(AgentClient& client, Stream& stream, sftp::Place place)
        : stream_(stream), server_(client, std::move(place)) {}

    bool turn() override;

  private:
    Stream& stream_;
    sftp::Server server_;
};

} // namespace msb::ssh
