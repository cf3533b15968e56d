// The local side of an attached command: raw mode, signals, and pumps between our descriptors and
// the sandbox.
#pragma once

#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "base/out_buffer.hpp"
#include "base/result.hpp"

#include <functional>
#include <initializer_list>
#include <optional>
#include <termios.h>

namespace msb {

/// Puts a terminal into raw mode and back.
class RawTerminal {
  public:
    static Result<RawTerminal> enter(int fd);
    RawTerminal(RawTerminal&& other) noexcept;
    RawTerminal& operator=(RawTerminal&&) = delete;
    ~RawTerminal();

  private:
    RawTerminal(int fd, const termios& saved) : fd_(fd), saved_(saved) {}
    int fd_;
    termios saved_;
};

struct WindowSize {
    std::uint16_t rows = 24;
    std::uint16_t cols = 80;
};
std::optional<WindowSize> window_size(int fd);

/// Blocks the signals for as long as it lives and reports them; without a loop they can be polled.
class SignalWatch {
  public:
    static Result<SignalWatch> create(std::initializer_list<int> signals);
    SignalWatch(SignalWatch&& other) noexcept;
    SignalWatch& operator=(SignalWatch&&) = delete;
    ~SignalWatch();

    Status attach(EventLoop& loop, std::function<void(int)> handler);
    void detach();
    /// A signal that has arrived, if any.
    std::optional<int> poll() const;
    int fd() const { return fd_.get(); }

  private:
    SignalWatch(OwnedFd fd, const sigset_t& previous) : fd_(std::move(fd)), previous_(previous) {}
    OwnedFd fd_;
    sigset_t previous_;
    EventLoop* loop_ = nullptr;
};

/// Whether a write failed because nobody reads any more.
bool is_reader_gone(const Error& error);

/// Writes to one of our own descriptors without ever blocking the loop.
class OutputPump {
  public:
    OutputPump(EventLoop& loop, int fd);
    ~OutputPump();
    OutputPump(const OutputPump&) = delete;
    OutputPump& operator=(const OutputPump&) = delete;

    void write(BytesView data);
    bool full() const { return pending_.size() > high_water; }
    bool empty() const { return pending_.empty(); }
    /// Nothing can be written any more: error() says why.
    bool broken() const { return error_.has_value(); }
    /// The reader has gone, which is no error of ours.
    bool reader_gone() const;
    const std::optional<Error>& error() const { return error_; }
    /// Called when full() turns false, empty() turns true or broken() turns true.
    std::function<void()> on_change;

  private:
    static constexpr std::size_t high_water = std::size_t{1} << 20;
    enum class Kind { file, pipe_or_tty, socket };
    void flush();
    ssize_t write_some();

    EventLoop& loop_;
    Kind kind_ = Kind::file;
    int fd_;
    OwnedFd reopened_; ///< non-blocking twin; our own descriptor may be shared with the shell
    OutBuffer pending_;
    bool watching_ = false;
    const char* what_fails_;
    std::optional<Error> error_;
};

/// Reads one of our own descriptors while its consumer has room.
class InputPump {
  public:
    struct Events {
        std::function<void(BytesView)> data;
        std::function<void()> end; ///< end of file or error(); nothing follows
        std::function<bool()> has_room;
    };
    InputPump(EventLoop& loop, int fd, Events events);
    ~InputPump();
    InputPump(const InputPump&) = delete;
    InputPump& operator=(const InputPump&) = delete;

    void start();
    /// The consumer has room again.
    void resume();
    /// Why reading ended before the end of the file.
    const std::optional<Error>& error() const { return error_; }

  private:
    void read_once();
    void handle_error(const Error& error);
    void finish();

    EventLoop& loop_;
    int fd_;
    Events events_;
    bool terminal_;
    bool pollable_ = true;
    bool watching_ = false;
    bool ended_ = false;
    std::optional<Error> error_;
    static constexpr std::size_t size = std::size_t{256} << 10;
    std::unique_ptr<std::uint8_t[]> buffer_; ///< pages that are not read into are not touched
};

} // namespace msb
