// What the processes beside the runtime, netd and fsd, have to say, one packet of the lifeline
// each: log lines, and netd that the published ports are in use. So their lines are bounded like
// the runtime's own, and they have no file to write to.
#pragma once

namespace msb {

enum class HelperPacket {
    none, ///< or a line, which is logged
    in_use,
    end, ///< the process has ended
};
/// Takes one packet, if there is one. The process may have been taken over: what it says is text.
HelperPacket take_helper_packet(int lifeline);

} // namespace msb
