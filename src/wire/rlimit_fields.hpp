// Fields of a structure that is in more than one message; private to this folder.
#pragma once

#include "wire/bootstrap.hpp"
#include "wire/codec.hpp"

namespace msb::wire {

// clang-format off
MSB_WIRE_FIELDS(Rlimit,
    f.required("resource", m.resource);
    f.required("soft", m.soft);
    f.required("hard", m.hard);)
// clang-format on

} // namespace msb::wire
