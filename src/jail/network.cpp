#include "jail/network.hpp"

#include <array>
#include <cstring>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace msb::jail {

namespace {

/// Interface indices are given out from 1 and loopback is the first of its namespace.
constexpr int loopback_index = 1;
constexpr int highest_index_looked_at = 8;

Step inspect(int socket) {
    for (int index = loopback_index; index <= highest_index_looked_at; ++index) {
        ifreq request{};
        request.ifr_ifindex = index;
        if (::ioctl(socket, SIOCGIFNAME, &request) == -1)
            continue;
        MSB_STEP(check(::ioctl(socket, SIOCGIFFLAGS, &request), "ioctl(SIOCGIFFLAGS)"));
        const bool idle_loopback =
            std::strcmp(request.ifr_name, "lo") == 0 && (request.ifr_flags & IFF_UP) == 0;
        if (!idle_loopback)
            return std::unexpected(Trouble{"network namespace", "not empty", EEXIST});
    }
    return {};
}

} // namespace

Step require_empty_network() {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket == -1)
        return errno == EAFNOSUPPORT ? Step{} : check(-1, "socket");
    Step step = inspect(socket);
    ::close(socket);
    return step;
}

} // namespace msb::jail
