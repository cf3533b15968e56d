#include "sandbox/kernel_log.hpp"

#include "base/system.hpp"
#include "base/time.hpp"

#include <cstdio>
#include <fcntl.h>
#include <sys/epoll.h>

namespace msb {

namespace {
constexpr const char* file_name = "kernel.log";
constexpr std::size_t recent_bytes = 1024;

Result<OwnedFd> create_file(int directory_fd) {
    return sys::open_at(directory_fd, file_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
}
} // namespace

Result<std::unique_ptr<KernelLog>> KernelLog::open(OwnedFd directory_fd) {
    OwnedFd file = MSB_TRY(create_file(directory_fd.get()));
    auto pipe = MSB_TRY(sys::pipe());
    MSB_TRY(sys::set_nonblocking(pipe[0].get()));
    return std::unique_ptr<KernelLog>(new KernelLog(std::move(directory_fd), std::move(file),
                                                    std::move(pipe[0]), std::move(pipe[1])));
}

KernelLog::KernelLog(OwnedFd directory_fd, OwnedFd file, OwnedFd pipe_read, OwnedFd pipe_write)
    : directory_fd_(std::move(directory_fd)), file_(std::move(file)),
      pipe_read_(std::move(pipe_read)), pipe_write_(std::move(pipe_write)) {}

KernelLog::~KernelLog() {
    if (loop_ != nullptr)
        loop_->unwatch(pipe_read_.get());
}

Status KernelLog::watch(EventLoop& loop) {
    MSB_TRY(loop.watch(pipe_read_.get(), EPOLLIN, [this](std::uint32_t events) {
        if (!read_some() && (events & EPOLLHUP) != 0)
            loop_->unwatch(pipe_read_.get());
    }));
    loop_ = &loop;
    return {};
}

bool KernelLog::read_some() {
    Bytes buffer(16 << 10);
    const auto count = sys::read(pipe_read_.get(), buffer);
    if (!count || *count == 0)
        return false;
    append(BytesView(buffer).first(*count));
    return true;
}

void KernelLog::drain() {
    while (read_some()) {
    }
}

void KernelLog::append(BytesView data) {
    if (first_output_ns_ == 0)
        first_output_ns_ = monotonic_ns();
    recent_.append(as_text(data));
    if (recent_.size() > recent_bytes)
        recent_.erase(0, recent_.size() - recent_bytes);
    if (size_ + data.size() > rotate_bytes) {
        (void)::renameat(directory_fd_.get(), file_name, directory_fd_.get(), "kernel.log.1");
        if (auto fresh = create_file(directory_fd_.get())) {
            file_ = std::move(*fresh);
            size_ = 0;
        }
    }
    // A full disk costs log lines, never the sandbox.
    (void)sys::write_all(file_.get(), data);
    size_ += data.size();
}

std::string KernelLog::tail() const {
    std::string text;
    for (const char c : recent_)
        if (c == '\n' || (c >= 0x20 && c < 0x7f))
            text += c;
    return text;
}

} // namespace msb
