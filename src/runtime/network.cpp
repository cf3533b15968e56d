// How the runtime watches netd.
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "runtime/helper_log.hpp"
#include "runtime/runtime.hpp"

#include <sys/epoll.h>

namespace msb {

Status Runtime::watch_network() {
    if (!config_.network)
        return {};
    return loop_->watch(launch_fd_network, EPOLLIN, [this](std::uint32_t) { handle_network(); });
}

void Runtime::handle_network() {
    std::string entry;
    switch (take_helper_packet(launch_fd_network, entry)) {
    case HelperPacket::none: return;
    case HelperPacket::in_use: return idle_.used(EventLoop::Clock::now());
    case HelperPacket::entry: return network_log_->append(as_bytes(entry));
    case HelperPacket::end: break;
    }
    loop_->unwatch(launch_fd_network);
    log::error("the network process has ended: the guest has no network any more");
    exec_log_->mark("network lost");
}

} // namespace msb
