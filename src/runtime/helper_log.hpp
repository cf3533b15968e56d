// What the processes beside the runtime, netd and fsd, have to say: log lines, one a packet of the
// lifeline. So their lines are bounded like the runtime's own, and they have no file to write to.
#pragma once

namespace msb {

/// Takes one line, if there is one. False: the process has ended. It may have been taken over: what
/// it says is text.
bool log_helper_line(int lifeline);

} // namespace msb
