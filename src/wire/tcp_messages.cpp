#include "wire/tcp_messages.hpp"

#include "wire/codec.hpp"

namespace msb::wire {

// clang-format off

MSB_WIRE_FIELDS(TcpConnect,
    f.required("host", m.host); f.required("port", m.port); f.omittable("flow", m.flow);
    f.omittable("window", m.window);)
MSB_WIRE_EMPTY(TcpConnected)
MSB_WIRE_EMPTY(TcpEof)
MSB_WIRE_FIELDS(TcpClose, f.omittable("reset", m.reset);)
MSB_WIRE_EMPTY(TcpClosed)
MSB_WIRE_FIELDS(TcpFailed,
    f.defaulted("error", m.error); f.omittable("errno", m.sys_errno);
    f.omittable("stage", m.stage);)

// clang-format on

MSB_WIRE_CODEC(TcpConnect)
MSB_WIRE_CODEC(TcpConnected)
MSB_WIRE_DATA_CODEC(TcpData)
MSB_WIRE_CODEC(TcpEof)
MSB_WIRE_CODEC(TcpClose)
MSB_WIRE_CODEC(TcpClosed)
MSB_WIRE_CODEC(TcpFailed)

} // namespace msb::wire
