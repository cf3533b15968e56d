#include "agent/exec/session.hpp"

#include "base/system.hpp"
#include "base/time.hpp"
#include "wire/transport.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace msb::agent {

namespace {

/// How long after its leader's exit a session waits for children that still hold its streams.
constexpr auto drain_time = std::chrono::milliseconds(100);

/// How much of a command line info() tells.
constexpr std::size_t shown_words = 32;
constexpr std::size_t shown_bytes = 256;

/// Shared by all sessions: what is read is copied into a frame at once.
std::array<std::uint8_t, wire::client_piece> read_buffer;

/// A pipe's size at first, and once it is seen to carry a stream: a larger one means fewer switches
/// between command and agent, which take most of a stream's time.
constexpr std::size_t small_pipe = std::size_t{64} << 10;
constexpr int large_pipe = 1 << 20;

void enlarge_pipe(int fd) {
    (void)::fcntl(fd, F_SETPIPE_SZ, large_pipe); // a pipe that stays small works as well
}

} // namespace

Session::Session(Services& services, Children& children, SessionOwner& owner)
    : services_(services), children_(children), owner_(&owner) {}

Session::~Session() {
    for (std::size_t i = 0; i < outputs_.size(); ++i)
        unwatch_output(i);
    watch_input(false);
    if (drain_timer_ != 0)
        services_.loop.cancel(drain_timer_);
    if (launch_) {
        services_.loop.unwatch(launch_->report_fd());
        if (!failure_)
            ::kill(pid_, SIGKILL); // it may not have its own group yet
        children_.adopt(std::move(launch_));
    }
    if (pid_ > 0 && !exited_) {
        children_.forget(pid_);
        if (!failure_)
            ::kill(-pid_, SIGKILL);
    }
}

std::expected<void, wire::ExecFailed> Session::start(const wire::ExecRequest& request) {
    auto plan = make_launch_plan(request, services_.config);
    if (!plan)
        return std::unexpected(std::move(plan).error());
    std::array<OwnedFd, 3> child_ends;
    terminal_ = request.tty;
    started_at_ns_ = unix_time_ns();
    command_.push_back(request.cmd.substr(0, shown_bytes));
    for (const std::string& word : request.args)
        if (command_.size() < shown_words)
            command_.push_back(word.substr(0, shown_bytes));
    window_ = wire::ReceiveWindow(request.flow);
    const winsize size{request.rows, request.cols, 0, 0};
    if (const Status made =
            terminal_ ? make_terminal(*plan, child_ends, size) : make_pipes(*plan, child_ends);
        !made) {
        wire::ExecFailed failed = describe(made.error(), terminal_ ? "pty" : "pipe");
        if (terminal_)
            failed.kind = wire::ExecFailure::pty_setup_failed;
        return std::unexpected(std::move(failed));
    }
    auto launch = Launch::start(std::move(*plan));
    if (!launch)
        return std::unexpected(describe(launch.error(), "fork"));
    launch_ = std::move(*launch);
    pid_ = launch_->pid();
    input_open_ = true;
    if (const auto bytes = window_.first_grant(); bytes > 0)
        owner_->grant_input(bytes);
    children_.add(pid_, *this);
    (void)services_.loop.watch(launch_->report_fd(), EPOLLIN,
                               [this](std::uint32_t) { on_report(); });
    return {};
}

Status Session::make_pipes(LaunchPlan& plan, std::array<OwnedFd, 3>& child_ends) {
    for (std::size_t i = 0; i < 3; ++i) {
        auto pipe = MSB_TRY(sys::pipe());
        OwnedFd& ours = i == 0 ? input_fd_ : outputs_[i - 1].fd;
        ours = std::move(pipe[i == 0 ? 1 : 0]);
        child_ends[i] = std::move(pipe[i == 0 ? 0 : 1]);
        if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) == -1) // a new pipe has no other flags
            return fail_errno("fcntl(F_SETFL)");
        plan.stdio[i] = child_ends[i].get();
    }
    return {};
}

Status Session::make_terminal(LaunchPlan& plan, std::array<OwnedFd, 3>& child_ends, winsize size) {
    OwnedFd& master = outputs_[0].fd;
    master = MSB_TRY(sys::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
    int locked = 0;
    if (::ioctl(master.get(), TIOCSPTLCK, &locked) == -1)
        return fail_errno("ioctl(TIOCSPTLCK)");
    // Opened through the master: the name in /dev/pts is the guest's to replace.
    child_ends[0] = OwnedFd(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!child_ends[0])
        return fail_errno("ioctl(TIOCGPTPEER)");
    if (::ioctl(master.get(), TIOCSWINSZ, &size) == -1)
        return fail_errno("ioctl(TIOCSWINSZ)");
    // A second descriptor, so that readiness to read and to write are watched separately.
    input_fd_ = MSB_TRY(sys::dup(master.get()));
    plan.terminal = true;
    plan.stdio.fill(child_ends[0].get());
    return {};
}

// --- beginning ----------------------------------------------------------------------------------

wire::SessionInfo Session::info() const {
    wire::SessionInfo info;
    info.pid = static_cast<std::uint32_t>(pid_);
    info.command = command_;
    info.tty = terminal_;
    info.started_at_ns = started_at_ns_;
    return info;
}

void Session::on_report() {
    if (settle_launch() && failure_)
        owner_->failed(*failure_); // *this is gone
}

bool Session::settle_launch() {
    if (!launch_)
        return true;
    const Launch::State state = launch_->poll();
    if (state == Launch::State::pending)
        return false;
    services_.loop.unwatch(launch_->report_fd());
    if (state == Launch::State::failed) {
        failure_ = describe(launch_->failure(), launch_->plan());
        launch_.reset();
        return true;
    }
    launch_.reset();
    started_ = true;
    children_.executed(pid_);
    owner_->started(pid_);
    for (const int number : std::exchange(early_signals_, {}))
        signal(number);
    for (std::size_t i = 0; i < outputs_.size(); ++i)
        watch_output(i);
    pump_input();
    return true;
}

// --- output -------------------------------------------------------------------------------------

void Session::watch_output(std::size_t index) {
    Output& output = outputs_[index];
    if (!output.fd || output.watched || !started_)
        return;
    output.watched =
        services_.loop
            .watch(output.fd.get(), EPOLLIN, [this, index](std::uint32_t) { on_output(index); })
            .has_value();
}

void Session::unwatch_output(std::size_t index) {
    Output& output = outputs_[index];
    if (output.watched)
        services_.loop.unwatch(output.fd.get());
    output.watched = false;
}

void Session::close_output(std::size_t index) {
    unwatch_output(index);
    outputs_[index].fd.reset();
    outputs_[index].owed = 0;
}

void Session::pause_output() {
    for (std::size_t i = 0; i < outputs_.size(); ++i)
        unwatch_output(i);
}

void Session::resume_output() {
    for (std::size_t i = 0; i < outputs_.size(); ++i)
        watch_output(i);
}

void Session::on_output(std::size_t index) {
    read_output(index);
    finish_if_done();
}

bool Session::read_output(std::size_t index) {
    Output& output = outputs_[index];
    if (!output.fd)
        return false;
    if (!owner_->accepts_output()) {
        pause_output();
        return false;
    }
    const ssize_t count = ::read(output.fd.get(), read_buffer.data(), read_buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count <= 0) { // end of file; EIO when the last user of a terminal has closed it
        close_output(index);
        return false;
    }
    const BytesView data(read_buffer.data(), static_cast<std::size_t>(count));
    if (data.size() >= small_pipe && !terminal_ && !std::exchange(output.large, true))
        enlarge_pipe(output.fd.get());
    owner_->output(index == 1, data);
    services_.activity.count_output(data.size());
    output.owed -= std::min(output.owed, data.size());
    return true;
}

// --- input --------------------------------------------------------------------------------------

void Session::write_input(BytesView data) {
    if (!input_open_ || input_closing_)
        return took_input(data.size());
    if (input_.empty() && started_ && !write_some(data))
        return;
    if (data.empty())
        return;
    const bool was_over = input_over_bound();
    input_.append(data);
    if (started_)
        watch_input(true);
    if (input_over_bound() != was_over)
        owner_->input_bound_changed();
}

void Session::close_input() {
    if (!input_open_ || input_closing_)
        return;
    input_closing_ = true;
    if (started_ && input_.empty())
        finish_input();
}

void Session::took_input(std::size_t bytes) {
    if (const auto grant = window_.consumed(bytes); grant > 0)
        owner_->grant_input(grant);
}

/// Advances `data` by what was taken; false if the input is broken.
bool Session::write_some(BytesView& data) {
    while (!data.empty()) {
        const ssize_t count = ::write(input_fd_.get(), data.data(), data.size());
        if (count > 0) {
            input_mid_line_ = data[static_cast<std::size_t>(count) - 1] != '\n';
            data = data.subspan(static_cast<std::size_t>(count));
            took_input(static_cast<std::size_t>(count));
        } else if (count == 0 || errno == EAGAIN) {
            if (!terminal_ && !std::exchange(input_large_, true)) {
                enlarge_pipe(input_fd_.get());
                continue;
            }
            break;
        } else if (errno != EINTR) {
            fail_input(errno, data.size());
            return false;
        }
    }
    return true;
}

void Session::pump_input() {
    if (!input_open_)
        return;
    const bool was_over = input_over_bound();
    BytesView data = input_.view();
    if (!write_some(data))
        return;
    input_.consume(input_.size() - data.size());
    watch_input(!input_.empty());
    if (input_.empty() && input_closing_)
        finish_input();
    if (input_over_bound() != was_over)
        owner_->input_bound_changed();
}

void Session::watch_input(bool on) {
    if (on == input_watched_)
        return;
    if (on)
        (void)services_.loop.watch(input_fd_.get(), EPOLLOUT,
                                   [this](std::uint32_t) { pump_input(); });
    else
        services_.loop.unwatch(input_fd_.get());
    input_watched_ = on;
}

void Session::fail_input(int reason, std::size_t unwritten) {
    const bool was_over = input_over_bound();
    const char* name = ::strerrorname_np(reason);
    owner_->input_failed(
        {reason, name == nullptr ? "" : name, "the command does not read its input any more"});
    took_input(unwritten);
    input_.clear();
    watch_input(false);
    input_fd_.reset();
    input_open_ = false;
    if (was_over)
        owner_->input_bound_changed();
}

void Session::finish_input() {
    if (terminal_) {
        finish_terminal_input();
        return;
    }
    watch_input(false);
    input_fd_.reset();
    input_open_ = false;
}

/// A terminal has no end of file but the one its line discipline makes of the EOF character.
void Session::finish_terminal_input() {
    termios settings{};
    if (::tcgetattr(input_fd_.get(), &settings) == -1)
        return;
    const cc_t end_of_file = settings.c_cc[VEOF];
    // In the middle of a line the first one only hands over what was typed.
    const bool twice = (settings.c_lflag & ICANON) != 0 && input_mid_line_;
    const std::uint8_t bytes[2] = {end_of_file, end_of_file};
    (void)!::write(input_fd_.get(), bytes, twice ? 2 : 1);
    input_closing_ = false; // a terminal can be typed at again
    input_mid_line_ = false;
}

// --- control ------------------------------------------------------------------------------------

void Session::resize(std::uint16_t rows, std::uint16_t cols) {
    const winsize size{rows, cols, 0, 0};
    if (outputs_[0].fd && terminal_)
        (void)::ioctl(outputs_[0].fd.get(), TIOCSWINSZ, &size);
}

void Session::redraw(std::uint16_t rows, std::uint16_t cols) {
    if (!outputs_[0].fd || !terminal_)
        return;
    resize(rows, cols);
    pid_t foreground = -1;
    if (::ioctl(outputs_[0].fd.get(), TIOCGPGRP, &foreground) == 0 && foreground > 0)
        ::kill(-foreground, SIGWINCH);
}

void Session::restart_window(bool asked) {
    window_ = wire::ReceiveWindow(asked);
    if (const auto bytes = window_.first_grant(input_.size()); bytes > 0)
        owner_->grant_input(bytes);
}

void Session::signal(int number) {
    // Once the leader is reaped its group's number may be given to another process.
    if (number <= 0 || number > SIGRTMAX || exited_)
        return;
    if (!started_) {
        // A child on its way to execve may be stuck in a file system, and blocks all signals but
        // SIGKILL.
        if (number == SIGKILL)
            ::kill(pid_, SIGKILL);
        else if (early_signals_.size() < max_early_signals)
            early_signals_.push_back(number);
        return;
    }
    ::kill(-pid_, number);
}

void Session::stop(int number) {
    signal(number);
    if (terminal_) {
        signal(SIGHUP);
        signal(SIGCONT);
    }
}

// --- end ----------------------------------------------------------------------------------------

void Session::on_exit(int wait_status) {
    exited_ = true;
    wait_status_ = wait_status;
    settle_launch(); // the child is gone, so this decides
    if (failure_)
        return owner_->failed(*failure_); // *this is gone
    note_remaining_output();
    for (std::size_t i = 0; i < outputs_.size(); ++i)
        while (read_output(i) && outputs_[i].owed > 0) {
        }
    if (finish_if_done())
        return;
    drain_timer_ = services_.loop.after(drain_time, [this] {
        drain_timer_ = 0;
        drain_over_ = true;
        finish_if_done();
    });
}

/// What is in the pipes now was written before the leader's exit and precedes its report, however
/// slowly the client reads; what children add later only counts while the drain time lasts.
void Session::note_remaining_output() {
    for (Output& output : outputs_) {
        int pending = 0;
        if (output.fd && ::ioctl(output.fd.get(), FIONREAD, &pending) == 0 && pending > 0)
            output.owed = static_cast<std::size_t>(pending);
    }
}

bool Session::finish_if_done() {
    if (!exited_)
        return false;
    for (const Output& output : outputs_)
        if (output.fd && (!drain_over_ || output.owed > 0))
            return false;
    wire::ExecExited exited;
    if (WIFSIGNALED(wait_status_)) {
        exited.code = -1;
        exited.signal = WTERMSIG(wait_status_);
    } else {
        exited.code = WEXITSTATUS(wait_status_);
    }
    owner_->exited(exited); // *this is gone
    return true;
}

} // namespace msb::agent
