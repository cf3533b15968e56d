#include "wire/host_messages.hpp"

#include "wire/codec.hpp"

namespace msb::wire {

// clang-format off

MSB_WIRE_FIELDS(HostShutdown, f.omittable("grace_ms", m.grace_ms);)
MSB_WIRE_EMPTY(HostDrain)
MSB_WIRE_EMPTY(HostAccepted)
MSB_WIRE_EMPTY(HostStatus)
MSB_WIRE_FIELDS(HostStatusReport,
    f.required("status", m.status); f.defaulted("reason", m.reason);
    f.defaulted("clients", m.clients); f.omittable("detail", m.detail);
    f.defaulted("network", m.network);)

MSB_WIRE_FIELDS(HostFreeze,
    f.required("number", m.number); f.required("timeout_ms", m.timeout_ms);)
MSB_WIRE_FIELDS(HostThaw, f.required("number", m.number);)
MSB_WIRE_EMPTY(HostFreezeStatus)
MSB_WIRE_FIELDS(HostFreezeReport,
    f.required("number", m.number); f.required("state", m.state);
    f.defaulted("message", m.message);)
MSB_WIRE_FIELDS(HostRootDiskGrow, f.required("size_mib", m.size_mib);)
MSB_WIRE_EMPTY(HostRootDiskStatus)
MSB_WIRE_FIELDS(HostRootDiskReport,
    f.required("size_mib", m.size_mib); f.required("state", m.state);
    f.defaulted("message", m.message);)
MSB_WIRE_FIELDS(HostNetworkPolicy, f.required("policy", m.policy);)

// clang-format on

MSB_WIRE_CODEC(HostShutdown)
MSB_WIRE_CODEC(HostDrain)
MSB_WIRE_CODEC(HostAccepted)
MSB_WIRE_CODEC(HostStatus)
MSB_WIRE_CODEC(HostStatusReport)
MSB_WIRE_CODEC(HostFreeze)
MSB_WIRE_CODEC(HostThaw)
MSB_WIRE_CODEC(HostFreezeStatus)
MSB_WIRE_CODEC(HostFreezeReport)
MSB_WIRE_CODEC(HostRootDiskGrow)
MSB_WIRE_CODEC(HostRootDiskStatus)
MSB_WIRE_CODEC(HostRootDiskReport)
MSB_WIRE_CODEC(HostNetworkPolicy)

} // namespace msb::wire
