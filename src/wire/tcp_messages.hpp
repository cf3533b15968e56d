// core.tcp.*: connections from inside the guest.
#pragma once

#include "wire/message.hpp"

#include <optional>
#include <string>

namespace msb::wire {

/// Connects from inside the guest. New: a host of the form "unix:/path" (or "unix:@name" in the
/// abstract name space) is a Unix stream socket of the guest; the port is ignored.
struct TcpConnect {
    std::string host;
    std::uint16_t port = 0;
    bool flow = false; ///< new; core.tcp.data is sent as core.flow.window permits; omitted if false
    /// New; omitted. The sender takes this many bytes of core.tcp.data, and what it grants with
    /// core.flow.window later.
    std::optional<std::uint32_t> window;
    MSB_WIRE_MESSAGE(TcpConnect, "core.tcp.connect", 4, flag_session_start);
};
struct TcpConnected {
    MSB_WIRE_MESSAGE(TcpConnected, "core.tcp.connected", 4, 0);
};
MSB_WIRE_DATA_MESSAGE(TcpData, "core.tcp.data", 4);
struct TcpEof {
    MSB_WIRE_MESSAGE(TcpEof, "core.tcp.eof", 4, 0);
};
/// Answered by core.tcp.closed. What the destination has not taken yet is lost.
struct TcpClose {
    bool reset = false; ///< new; the destination sees a reset, no end of data; omitted if false
    MSB_WIRE_MESSAGE(TcpClose, "core.tcp.close", 4, 0);
};
struct TcpClosed {
    MSB_WIRE_MESSAGE(TcpClosed, "core.tcp.closed", 4, flag_terminal);
};
struct TcpFailed {
    std::string error;
    std::optional<std::int32_t> sys_errno; ///< new; "errno"; omitted
    std::string stage; ///< new; "accept", "resolve", "connect" or "stream"; omitted if empty
    MSB_WIRE_MESSAGE(TcpFailed, "core.tcp.failed", 4, flag_terminal);
};

} // namespace msb::wire
