// The inventory of the protocol, for tables, tests and fuzzing.
#pragma once

#include "wire/fs_messages.hpp"
#include "wire/host_messages.hpp"
#include "wire/messages.hpp"
#include "wire/session_messages.hpp"

#include <tuple>

namespace msb::wire {

using AllMessages = std::tuple<
    Bootstrap, InitResolved, InitAck, Ready, BootFailed, Shutdown, Drain, Drained, ReadersProgress,
    Freeze, Thaw, FreezeReport, RootDiskGrow, RootDiskState, RelayClientDisconnected, ClockSync,
    Heartbeat, Ping, Pong, Touch, Touched, CoreError, ExecRequest, ExecStarted, ExecStdin,
    ExecStdinError, ExecStdout, ExecStderr, ExecExited, ExecFailed, ExecResize, ExecSignal,
    FsRequest, FsResponse, FsData, TcpConnect, TcpConnected, TcpData, TcpEof, TcpClose, TcpClosed,
    TcpFailed, FlowWindow, SessionNumber, SessionDetach, SessionDetachFailed, SessionDetached,
    SessionAttach, SessionAttached, SessionFailed, SessionList, SessionListed, SessionSignal,
    SessionSignalled, SessionObserve, SessionOutput, SessionEnded, FsCancel>;

/// Between host processes only: an agent knows none of them.
using HostMessages = std::tuple<HostShutdown, HostDrain, HostAccepted, HostStatus, HostStatusReport,
                                HostFreeze, HostThaw, HostFreezeStatus, HostFreezeReport,
                                HostRootDiskGrow, HostRootDiskStatus, HostRootDiskReport>;

} // namespace msb::wire
