// One command: its process, its three streams or its terminal, and its end.
#pragma once

#include "agent/core/services.hpp"
#include "agent/exec/children.hpp"
#include "agent/exec/plan.hpp"
#include "agent/exec/session_owner.hpp"
#include "base/event_loop.hpp"
#include "base/out_buffer.hpp"
#include "wire/flow.hpp"

#include <memory>
#include <sys/ioctl.h>
#include <vector>

namespace msb::agent {

class Session final : public Child {
  public:
    Session(Services& services, Children& children, SessionOwner& owner);
    /// Kills the process group if the command still runs.
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Makes the streams and the child. After an error the session is to be removed.
    std::expected<void, wire::ExecFailed> start(const wire::ExecRequest& request);
    /// Whoever owns the session is told everything from now on.
    void set_owner(SessionOwner& owner) { owner_ = &owner; }
    /// The part of the information that only the session knows.
    wire::SessionInfo info() const;

    void write_input(BytesView data);
    void close_input();
    /// Input now comes from another sender.
    void restart_window(bool asked);
    void resize(std::uint16_t rows, std::uint16_t cols);
    /// Resizes, and has the program in the foreground draw itself anew even if the size is the
    /// same.
    void redraw(std::uint16_t rows, std::uint16_t cols);
    /// Sends a signal to the command. Numbers that are no signals are ignored, as the protocol
    /// demands.
    void signal(int number);
    /// As signal(), and hangs up a terminal, because interactive shells ignore SIGTERM.
    void stop(int number);
    bool input_over_bound() const { return input_.size() > input_bound; }

    /// Output is read again, after SessionOwner::accepts_output() was false.
    void resume_output();

    /// The leader was reaped with this wait status. May delete the session.
    void on_exit(int wait_status) override;

    static constexpr std::size_t input_bound = std::size_t{4} << 20;
    static constexpr std::size_t max_early_signals = 64;

  private:
    /// A stream that the command writes and we read.
    struct Output {
        OwnedFd fd;
        bool watched = false;
        bool large = false;   ///< the pipe was enlarged
        std::size_t owed = 0; ///< bytes the leader left behind, to be delivered before its exit
    };

    Status make_pipes(LaunchPlan& plan, std::array<OwnedFd, 3>& child_ends);
    Status make_terminal(LaunchPlan& plan, std::array<OwnedFd, 3>& child_ends, winsize size);
    void on_report();
    /// True once the launch has succeeded or failed. The owner has been told about a start, not yet
    /// about a failure.
    bool settle_launch();
    void pause_output();
    void on_output(std::size_t index);
    /// One read; false when nothing more can be read now.
    bool read_output(std::size_t index);
    void watch_output(std::size_t index);
    void unwatch_output(std::size_t index);
    void close_output(std::size_t index);
    bool write_some(BytesView& data);
    /// So many bytes of input were passed on or dropped: the client may send more.
    void took_input(std::size_t bytes);
    void pump_input();
    void finish_input();
    void fail_input(int reason, std::size_t unwritten);
    void finish_terminal_input();
    void watch_input(bool on);
    void note_remaining_output();
    /// True: everything is delivered, core.exec.exited was sent, and this session is deleted.
    bool finish_if_done();

    Services& services_;
    Children& children_;
    SessionOwner* owner_;
    std::vector<std::string> command_; ///< for info()
    std::int64_t started_at_ns_ = 0;
    bool terminal_ = false;
    std::unique_ptr<Launch> launch_;
    pid_t pid_ = -1;
    bool started_ = false;
    std::optional<wire::ExecFailed> failure_; ///< the launch failed
    std::vector<int> early_signals_;          ///< arrived before the command had its process group

    std::array<Output, 2> outputs_; ///< stdout (or the terminal), stderr
    OwnedFd input_fd_;              ///< write end of stdin; a terminal uses outputs_[0].fd
    wire::ReceiveWindow window_{false};
    OutBuffer input_;
    bool input_closing_ = false; ///< end of input follows the queue
    bool input_open_ = false;
    bool input_large_ = false; ///< the pipe was enlarged
    bool input_watched_ = false;
    bool input_mid_line_ = false; ///< terminal: the last byte written did not end a line

    bool exited_ = false;
    int wait_status_ = 0;
    bool drain_over_ = false;
    EventLoop::TimerId drain_timer_ = 0;
};

} // namespace msb::agent
