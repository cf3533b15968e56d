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
    f.defaulted("clients", m.clients);)
MSB_WIRE_FIELDS(HostNetworkPolicy, f.required("policy", m.policy);)

// clang-format on

MSB_WIRE_CODEC(HostShutdown)
MSB_WIRE_CODEC(HostDrain)
MSB_WIRE_CODEC(HostAccepted)
MSB_WIRE_CODEC(HostStatus)
MSB_WIRE_CODEC(HostStatusReport)
MSB_WIRE_CODEC(HostNetworkPolicy)

} // namespace msb::wire
