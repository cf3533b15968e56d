// A command of a session channel.
#pragma once

#include "client/exec_session.hpp"
#include "ssh/channel.hpp"
#include "ssh/stream.hpp"

#include <optional>

namespace msb::ssh {

class ExecWork : public Work {
  public:
    ExecWork(AgentClient& client, Stream& stream, const wire::ExecRequest& request);
    ~ExecWork() override;

    bool turn() override;
    bool full() const override { return full_; }
    void signal(int number) override;
    void resize(std::uint16_t rows, std::uint16_t cols) override;

  private:
    /// How the command ended, in SSH's words.
    struct End {
        int status = 0;
        std::optional<int> signal;
    };
    ExecEvents events();
    void pass_input();
    void end_with_message(const std::string& message, int status);
    void report();

    Stream& stream_;
    OutBuffer out_;
    OutBuffer err_;
    bool full_ = false;
    bool input_ended_ = false;
    std::optional<End> end_;
    ExecSession session_; ///< last: its events use the rest
};

} // namespace msb::ssh
