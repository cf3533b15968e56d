// What the files of the C ABI share.
#pragma once

#include "ffi/call.hpp"
#include "ffi/handles.hpp"

namespace msb::ffi {

/// Looks for the programs that the library starts, in the order of msb_set_sdk_msb_path(). Before
/// everything that may need them.
Outcome<void> locate_installation();

} // namespace msb::ffi
