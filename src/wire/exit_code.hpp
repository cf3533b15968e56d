// What a shell would report for the end of an exec session.
#pragma once

#include "wire/messages.hpp"

namespace msb::wire {

/// The code, or 128 + signal number.
inline int exit_code_of(const ExecExited& exited) {
    return exited.signal ? 128 + *exited.signal : exited.code & 0xff;
}

/// 127 not found, 126 not executable, else 1.
inline int exit_code_of(const ExecFailed& failed) {
    switch (failed.kind) {
    case ExecFailure::not_found: return 127;
    case ExecFailure::permission_denied:
    case ExecFailure::not_executable: return 126;
    default: return 1;
    }
}

} // namespace msb::wire
