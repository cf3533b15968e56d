#include "terminal/terminal.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace msb {

Result<RawTerminal> RawTerminal::enter(int fd) {
    termios saved{};
    if (::tcgetattr(fd, &saved) == -1)
        return fail_errno("tcgetattr");
    termios raw = saved;
    ::cfmakeraw(&raw);
    if (::tcsetattr(fd, TCSADRAIN, &raw) == -1)
        return fail_errno("tcsetattr");
    return RawTerminal(fd, saved);
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), saved_(other.saved_) {}

RawTerminal::~RawTerminal() {
    if (fd_ >= 0)
        ::tcsetattr(fd_, TCSADRAIN, &saved_);
}

std::optional<WindowSize> window_size(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == -1 || size.ws_row == 0 || size.ws_col == 0)
        return std::nullopt;
    return WindowSize{size.ws_row, size.ws_col};
}

Result<SignalWatch> SignalWatch::create(std::initializer_list<int> signals) {
    sigset_t set;
    sigset_t previous;
    sigemptyset(&set);
    for (const int number : signals)
        sigaddset(&set, number);
    if (::sigprocmask(SIG_BLOCK, &set, &previous) == -1)
        return fail_errno("sigprocmask");
    OwnedFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) {
        ::sigprocmask(SIG_SETMASK, &previous, nullptr);
        return fail_errno("signalfd");
    }
    return SignalWatch(std::move(fd), previous);
}

SignalWatch::SignalWatch(SignalWatch&& other) noexcept
    : fd_(std::move(other.fd_)), previous_(other.previous_),
      loop_(std::exchange(other.loop_, nullptr)) {}

SignalWatch::~SignalWatch() {
    detach();
    if (fd_)
        ::sigprocmask(SIG_SETMASK, &previous_, nullptr);
}

Status SignalWatch::attach(EventLoop& loop, std::function<void(int)> handler) {
    detach();
    loop_ = &loop;
    return loop.watch(fd_.get(), EPOLLIN, [this, handler = std::move(handler)](std::uint32_t) {
        while (const auto number = poll())
            handler(*number);
    });
}

void SignalWatch::detach() {
    if (loop_ != nullptr)
        std::exchange(loop_, nullptr)->unwatch(fd_.get());
}

std::optional<int> SignalWatch::poll() const {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof(info)) != sizeof(info))
        return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

bool is_reader_gone(const Error& error) {
    return error.sys_errno() == EPIPE || error.sys_errno() == ECONNRESET;
}

OutputPump::OutputPump(EventLoop& loop, int fd)
    : loop_(loop), fd_(fd),
      what_fails_(fd == STDERR_FILENO ? "cannot write to stderr" : "cannot write to stdout") {
    const auto info = sys::fstat(fd);
    // A reopened copy of a stream that cannot be written to would swallow everything.
    if (!info || (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
        return;
    if (S_ISSOCK(info->st_mode)) {
        kind_ = Kind::socket;
    } else if (S_ISFIFO(info->st_mode) || S_ISCHR(info->st_mode)) {
        auto twin =
            sys::open("/proc/self/fd/" + std::to_string(fd), O_WRONLY | O_NONBLOCK | O_NOCTTY);
        if (twin) {
            reopened_ = std::move(*twin);
            fd_ = reopened_.get();
            kind_ = Kind::pipe_or_tty;
        }
    }
}

OutputPump::~OutputPump() {
    if (watching_)
        loop_.unwatch(fd_);
}

bool OutputPump::reader_gone() const {
    return error_ && is_reader_gone(*error_);
}

void OutputPump::write(BytesView data) {
    if (broken())
        return;
    pending_.append(data);
    if (!watching_)
        flush();
}

ssize_t OutputPump::write_some() {
    const BytesView data = pending_.view();
    if (kind_ == Kind::socket)
        return ::send(fd_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return ::write(fd_, data.data(), data.size());
}

void OutputPump::flush() {
    const bool was_full = full();
    while (!pending_.empty() && !broken()) {
        const ssize_t count = write_some();
        if (count >= 0)
            pending_.consume(static_cast<std::size_t>(count));
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            error_ = Error::from_errno(errno, what_fails_);
    }
    if (broken())
        pending_.clear();
    const bool want = !pending_.empty();
    if (want && !watching_)
        watching_ = loop_.watch(fd_, EPOLLOUT, [this](std::uint32_t) { flush(); }).has_value();
    else if (!want && watching_) {
        loop_.unwatch(fd_);
        watching_ = false;
    }
    if (on_change && (broken() || pending_.empty() || (was_full && !full())))
        on_change();
}

InputPump::InputPump(EventLoop& loop, int fd, Events events)
    : loop_(loop), fd_(fd), events_(std::move(events)), terminal_(::isatty(fd) == 1),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(size)) {}

InputPump::~InputPump() {
    if (watching_)
        loop_.unwatch(fd_);
}

void InputPump::start() {
    const auto watched = loop_.watch(fd_, EPOLLIN, [this](std::uint32_t) { read_once(); });
    if (watched) {
        watching_ = true;
        return;
    }
    pollable_ = false; // a regular file is always readable
    if (watched.error().sys_errno() != EPERM)
        return handle_error(watched.error());
    resume();
}

void InputPump::read_once() {
    if (!events_.has_room()) {
        (void)loop_.modify(fd_, 0);
        return;
    }
    const MutableBytesView buffer(buffer_.get(), size);
    const auto count = sys::read(fd_, buffer);
    if (!count)
        return handle_error(count.error());
    if (*count == 0)
        return finish();
    events_.data(buffer.first(*count));
}

void InputPump::handle_error(const Error& error) {
    if (error.sys_errno() == EAGAIN && pollable_)
        return;
    // A terminal that was hung up, and a stdin that was not opened for reading (as nohup does),
    // have no input: that is an end. Any other failure means that input is missing.
    const bool plain_end = error.sys_errno() == EBADF || (error.sys_errno() == EIO && terminal_);
    if (!plain_end)
        error_ = Error::from_errno(error.sys_errno(), "cannot read stdin");
    finish();
}

void InputPump::resume() {
    if (ended_)
        return;
    if (pollable_) {
        (void)loop_.modify(fd_, EPOLLIN);
        return;
    }
    while (!ended_ && events_.has_room())
        read_once();
}

void InputPump::finish() {
    ended_ = true;
    if (watching_)
        loop_.unwatch(fd_);
    watching_ = false;
    events_.end();
}

} // namespace msb
