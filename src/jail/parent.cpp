#include "jail/parent.hpp"

#include <csignal>
#include <poll.h>
#include <sys/prctl.h>

namespace msb::jail {

Step die_with_parent(int lifeline) {
    MSB_STEP(check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl(PR_SET_PDEATHSIG)"));
    pollfd entry{lifeline, 0, 0};
    if (::poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0)
        return std::unexpected(Trouble{"parent", "ended", ESRCH});
    return {};
}

} // namespace msb::jail
