#include "logs/kernel_log.hpp"

#include "base/system.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <vector>

namespace msb {

namespace {
constexpr std::size_t read_bytes = std::size_t{16} << 10;
constexpr std::size_t recent_bytes = std::size_t{8} << 10;
constexpr std::size_t pipe_bytes = std::size_t{64} << 10;
static_assert(pipe_bytes % read_bytes == 0);
constexpr std::size_t summary_bytes = 1024;
constexpr std::size_t summary_line = 200;
constexpr std::size_t lines_before_panic = 4;
constexpr std::size_t lines_after_panic = 1; ///< the process it happened in
constexpr std::string_view panic_words = "Kernel panic - not syncing: ";
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
    // What a pipe holds; an engine that does not end may go on writing.
    for (std::size_t rest = pipe_bytes; rest > 0 && read_some(); rest -= read_bytes) {
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
    if (recent_.size() > recent_bytes) {
        const std::size_t excess = recent_.size() - recent_bytes;
        const std::size_t line_end = recent_.find('\n', excess);
        recent_.erase(0, line_end == recent_.npos ? excess : line_end + 1);
    }
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

std::string console_summary(std::string_view console) {
    std::vector<std::string> lines(1);
    std::size_t panic = std::string::npos;
    for (const char c : console) {
        if (c == '\n')
            lines.emplace_back();
        else if (c >= 0x20 && c < 0x7f && lines.back().size() < summary_line)
            lines.back() += c;
    }
    std::erase_if(lines, [](const std::string& line) { return line.empty(); });
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (lines[i].find(panic_words) != std::string::npos)
            panic = i;
    std::size_t begin = lines.size();
    std::size_t end = lines.size();
    if (panic != std::string::npos) {
        begin = panic - std::min(panic, lines_before_panic);
        end = std::min(end, panic + 1 + lines_after_panic);
    } else {
        for (std::size_t size = 0; begin > 0 && size + lines[begin - 1].size() < summary_bytes;)
            size += lines[--begin].size() + 1;
    }
    std::string text;
    for (; begin < end; ++begin)
        text += lines[begin] + '\n';
    return text;
}

std::optional<int> end_of_process_1(std::string_view console) {
    const std::size_t panic = console.rfind(panic_words);
    if (panic == console.npos)
        return std::nullopt;
    std::string_view line = console.substr(panic, console.find('\n', panic) - panic);
    static constexpr std::string_view words = "Attempted to kill init! exitcode=0x";
    const std::size_t at = line.find(words);
    if (at == line.npos)
        return std::nullopt;
    line.remove_prefix(at + words.size());
    unsigned status = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), status, 16).ec != std::errc())
        return std::nullopt;
    return static_cast<int>(status & 0xffff);
}

} // namespace msb
