// The runtime's eye on netd.
#include "base/log.hpp"
#include "runtime/runtime.hpp"

#include <algorithm>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb {

namespace {

constexpr std::size_t longest_line = 4096;
/// "TIME LEVEL netd: TEXT" becomes a line of our own.
void log_line(std::string_view line) {
    if (line.ends_with('\n'))
        line.remove_suffix(1);
    const std::size_t time = std::min(line.find(' '), line.size());
    const std::size_t end = std::min(line.find(' ', time + 1), line.size());
    const std::string_view word =
        line.substr(std::min(time + 1, end), end - std::min(time + 1, end));
    const std::size_t text = line.find_first_not_of(' ', end);
    if (text != std::string_view::npos)
        log::write(log::parse_level(word).value_or(log::Level::warn), line.substr(text));
}

} // namespace

Status Runtime::watch_network() {
    if (!config_.network)
        return {};
    return loop_->watch(launch_fd_network, EPOLLIN, [this](std::uint32_t) { handle_network(); });
}

/// netd's log lines, one a packet, and its end. It may have been taken over: what it says is text.
void Runtime::handle_network() {
    std::array<char, longest_line> line;
    const ssize_t count = ::recv(launch_fd_network, line.data(), line.size(), MSG_DONTWAIT);
    if (count > 0) {
        log_line({line.data(), static_cast<std::size_t>(count)});
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        loop_->unwatch(launch_fd_network);
        log::error("the network process has ended: the guest has no network any more");
        exec_log_->mark("network lost");
    }
}

} // namespace msb
