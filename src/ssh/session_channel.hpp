// A session channel: what the client asks for before its command, and then the command, a shell, or
// SFTP.
#pragma once

#include "client/agent_client.hpp"
#include "ssh/channel.hpp"
#include "ssh/job.hpp"
#include "ssh/stream.hpp"
#include "wire/messages.hpp"

#include <libssh/callbacks.h>
#include <memory>

namespace msb::ssh {

/// The connections to the sandbox's agent.
struct Agents {
    AgentClient& commands;
    AgentClient& others;
};

class SessionChannel : public Channel {
  public:
    SessionChannel(Agents agents, const Job& job, std::string user, ssh_session session,
                   ssh_channel channel);
    ~SessionChannel() override;

    bool turn() override;
    bool full() const override { return work_ && work_->full(); }
    std::uint64_t moved() const override { return stream_.moved(); }
    bool tell(const std::string& reason) override { return stream_.tell(reason); }

  private:
    static ssh_channel_callbacks_struct callbacks(SessionChannel* self);
    bool request_pty(const char* term, int width, int height);
    bool set_environment(const char* name, const char* value);
    bool start(const char* command); ///< null: a shell
    bool start_subsystem(const char* name);
    bool resize(int width, int height);
    void signal(const char* name);

    Agents agents_;
    const Job& job_;
    std::string user_;
    std::vector<std::string> env_; ///< the client's
    std::string term_;
    bool tty_ = false;
    std::uint16_t rows_ = 24;
    std::uint16_t cols_ = 80;
    Stream stream_;
    ssh_channel_callbacks_struct callbacks_;
    std::unique_ptr<Work> work_;
};

} // namespace msb::ssh
