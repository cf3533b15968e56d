// Messages of the processes beside the runtime, netd, tlsd and fsd, each one packet of the lifeline: log
// lines, and from netd that published ports are in use. So their log is bounded like the runtime's
// own, and they need no file to write to.
#pragma once

#include <string>

namespace msb {

enum class HelperPacket {
    none, ///< or a line, which is logged
    in_use,
    entry,     ///< of the network's ledger
    counter,   ///< of a rule
    traffic,   ///< of the guest's interface
    policy,    ///< what came of a new policy
    authority, ///< whom the guest has to trust, in PEM form
    failed,    ///< it cannot begin
    terminate, ///< the sandbox has to end
    end,       ///< the process has ended
};
/// Takes one packet, if there is one. The process may have been taken over, so its packets are only
/// used as text. `text`: gets what follows its mark.
HelperPacket take_helper_packet(int lifeline, std::string& text);

} // namespace msb
