// The program `netswitch`: one process for each private network that has members. Started by the command
// that brings the first one, in the jail of role `switch`: no network, no file. It ends when it has had
// no member for a while, and whoever needs it then starts another one.
#include "base/log.hpp"
#include "base/watchdog.hpp"
#include "jail/jail.hpp"
#include "net/members/switch.hpp"
#include "net/members/switch_request.hpp"

#include <csignal>
#include <unistd.h>

namespace {

using namespace msb;

Status run() {
    std::signal(SIGPIPE, SIG_IGN);
    const auto loop = MSB_TRY(EventLoop::create());
    net::MemberSwitch network(*loop, OwnedFd(net::switch_fd_listener));
    network.idle = [&] { loop->stop(); };
    MSB_TRY(network.start());
    MSB_TRY(start_watchdog(*loop));
    MSB_TRY(jail::lock_down(jail::Role::net_switch, {}));
    return loop->run();
}

} // namespace

int main() {
    log::configure(log::Level::warn, STDERR_FILENO, "netswitch");
    const Status done = run();
    if (!done)
        log::error("{}", done.error().to_string());
    return done ? 0 : 1;
}
