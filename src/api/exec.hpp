// One command in a sandbox, used by any number of threads.
//
// The library has no thread of its own. The thread that waits for something of a command runs its
// event loop; if several wait, one does and the others wait for it. So nothing moves while nobody
// waits, and a caller that stops reading stops the guest.
#pragma once

#include "api/connection.hpp"
#include "client/exec_session.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <optional>
#include <variant>

namespace msb::api {

struct Command {
    wire::ExecRequest request;
    bool stdin_pipe = false; ///< false: its input is `input`, and then ends
    BytesView input{};       ///< of any size, read by start(); sent while somebody waits
    std::optional<std::chrono::milliseconds> timeout; ///< then it is killed: exec_timeout
};

struct ExecStarted {
    std::uint32_t pid = 0; ///< in the guest
};
struct ExecOutput {
    bool error = false; ///< stderr; with a terminal everything is stdout
    Bytes data;
};
struct ExecEnd {
    int code = 0; ///< as a shell has it: 128 + signal
    std::optional<int> signal;
};
/// Nothing comes after ExecEnd and ExecFailed; nothing follows them but monostate, again and again.
using ExecEvent = std::variant<std::monostate, ExecStarted, ExecOutput, wire::ExecStdinError,
                               ExecEnd, wire::ExecFailed>;

class Exec {
  public:
    /// `pool` gets the connection back after the command's end.
    static Outcome<std::shared_ptr<Exec>> start(std::shared_ptr<ConnectionPool> pool,
                                                Command command, Cancel* cancel);
    /// Ends a command that still runs.
    ~Exec();
    Exec(const Exec&) = delete;
    Exec& operator=(const Exec&) = delete;

    /// Errors: session_lost, exec_timeout; cancelled, which changes nothing.
    Outcome<ExecEvent> next(Cancel* cancel);
    /// Returns when the guest or the connection has taken the data. Data that the command does not
    /// read, because it has ended or closed its input, is lost without an error here: `stdin_error`
    /// says so.
    Outcome<void> write(BytesView data, Cancel* cancel);
    Outcome<void> close_stdin(Cancel* cancel);
    Outcome<void> signal(int number, Cancel* cancel);
    Outcome<void> resize(std::uint16_t rows, std::uint16_t cols, Cancel* cancel);
    /// Calls that wait return with invalid_handle.
    void close();

  private:
    Exec(std::shared_ptr<ConnectionPool> pool, Connection connection)
        : pool_(std::move(pool)), connection_(std::move(connection)) {}
    void begin(const Command& command);
    ExecEvents events();
    void push(ExecEvent event);
    void finish(ExecEvent event);
    void lose(Failure failure);
    void time_out(std::chrono::milliseconds timeout);
    void fail_timed_out();
    void update_room();
    template <typename Ready> Outcome<void> drive(Cancel* cancel, Ready ready);
    /// Runs `task` where the loop runs, and waits until it has.
    Outcome<void> perform(std::function<void()> task, Cancel* cancel);

    std::shared_ptr<ConnectionPool> pool_;
    Connection connection_;
    std::optional<ExecSession> session_; ///< on the loop only, as the timer
    std::optional<EventLoop::TimerId> timer_;

    std::mutex mutex_; ///< of what follows
    std::condition_variable changed_;
    bool driven_ = false; ///< somebody runs the loop
    bool closed_ = false;
    std::deque<ExecEvent> queue_;
    std::size_t queued_bytes_ = 0;
    bool paused_ = false;
    bool input_room_ = true;
    bool ended_ = false; ///< by itself; the connection can be used again
    std::optional<Failure> failure_;
    std::optional<std::chrono::milliseconds> timed_out_;
};

struct Collected {
    ExecEnd end;
    Bytes out;
    Bytes err;
};
/// Waits for the command's end. exec_failed; limit_exceeded if it writes more than `max_output`.
Outcome<Collected> collect(Exec& exec, std::size_t max_output, Cancel* cancel);

} // namespace msb::api
