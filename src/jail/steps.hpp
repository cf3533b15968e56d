// What runs between clone(2) and execve(2). The parent may have threads that held a lock when it
// was cloned, so nothing here allocates, locks or throws: a step returns the failing call by value.
#pragma once

#include "base/result.hpp"

#include <cerrno>
#include <expected>

namespace msb::jail {

struct Trouble {
    const char* call;
    const char* object; ///< Outlives the step: a literal, or a string of the plan.
    int error;          ///< errno
};
using Step = std::expected<void, Trouble>;

inline Step check(long result, const char* call, const char* object = "") {
    if (result < 0)
        return std::unexpected(Trouble{call, object, errno});
    return {};
}

inline Status to_status(const Step& step) {
    if (step)
        return {};
    return fail(Error::from_errno(step.error().error, step.error().call, step.error().object));
}

} // namespace msb::jail

#define MSB_STEP(expression)                                                                       \
    do {                                                                                           \
        if (auto msb_step = (expression); !msb_step)                                               \
            return msb_step;                                                                       \
    } while (0)
