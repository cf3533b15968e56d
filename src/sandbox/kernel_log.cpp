#include "sandbox/kernel_log.hpp"

#include "base/system.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace msb {

namespace {
constexpr std::size_t read_bytes = std::size_t{16} << 10;
constexpr std::size_t recent_bytes = std::size_t{8} << 10;
constexpr std::size_t tail_bytes = 1024;
/// The console's own lines are far shorter.
constexpr std::size_t max_line = 4096;
} // namespace

Result<std::unique_ptr<KernelLog>> KernelLog::open(OwnedFd directory_fd) {
    RotatingFile file = MSB_TRY(RotatingFile::open(std::move(directory_fd), "kernel.log"));
    auto pipe = MSB_TRY(sys::pipe());
    MSB_TRY(sys::set_nonblocking(pipe[0].get()));
    return std::unique_ptr<KernelLog>(new KernelLog(std::move(file), std::move(pipe[0]),
                                                    std::move(pipe[1]), MSB_TRY(sys::event_fd())));
}

KernelLog::KernelLog(RotatingFile file, OwnedFd pipe_read, OwnedFd pipe_write, OwnedFd stop)
    : file_(std::move(file)), pipe_read_(std::move(pipe_read)), pipe_write_(std::move(pipe_write)),
      stop_(std::move(stop)) {}

KernelLog::~KernelLog() {
    finish();
}

void KernelLog::start() {
    thread_ = std::thread([this] {
        ::prctl(PR_SET_NAME, "console");
        read_until_stopped();
    });
}

void KernelLog::finish() {
    if (!thread_.joinable())
        return;
    const std::uint64_t one = 1;
    (void)sys::write(stop_.get(), object_bytes(one));
    thread_.join();
    while (read_some()) {
    }
    if (line_length_ > 0)
        end_line();
}

void KernelLog::read_until_stopped() {
    std::array<pollfd, 2> fds = {{{pipe_read_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    for (;;) {
        if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents != 0)
            return;
        if (fds[0].revents != 0 && !read_some())
            fds[0].fd = -1; // the engine's end; finish() comes soon
    }
}

bool KernelLog::read_some() {
    std::array<std::uint8_t, read_bytes> buffer;
    const ssize_t count = ::read(pipe_read_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
        return true;
    if (count <= 0)
        return false;
    const BytesView data = BytesView(buffer).first(static_cast<std::size_t>(count));
    append(data);
    const std::scoped_lock lock(mutex_);
    recent_.append(as_text(data));
    if (recent_.size() > recent_bytes)
        recent_.erase(0, recent_.size() - recent_bytes);
    return true;
}

void KernelLog::append(BytesView data) {
    const std::string time = format_rfc3339(unix_time_ns(), 3) + " ";
    std::string text;
    bool at_line_start = line_length_ == 0; // where `text` begins
    for (const char c : as_text(data)) {
        if (line_length_ == 0)
            text += time;
        text += c;
        ++line_length_;
        if (c != '\n' && line_length_ < max_line)
            continue;
        if (c != '\n')
            text += '\n';
        line_length_ = 0;
        if (!at_line_start) { // the end of a line that is in the file already
            file_.append_part(as_bytes(text), false);
            text.clear();
            at_line_start = true;
        }
    }
    if (!text.empty())
        file_.append_part(as_bytes(text), at_line_start);
}

void KernelLog::end_line() {
    static constexpr std::uint8_t newline = '\n';
    file_.append_part(BytesView(&newline, 1), false);
    line_length_ = 0;
}

std::string KernelLog::recent() const {
    const std::scoped_lock lock(mutex_);
    return recent_;
}

std::string KernelLog::tail() const {
    const std::string all = recent();
    std::string text;
    for (const char c : std::string_view(all).substr(all.size() - std::min(all.size(), tail_bytes)))
        if (c == '\n' || (c >= 0x20 && c < 0x7f))
            text += c;
    return text;
}

} // namespace msb
