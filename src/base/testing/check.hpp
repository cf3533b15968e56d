// For fuzzers: conditions that hold for every input.
#pragma once

#include <cstdlib>

namespace msb::testing {

/// Ends the program if `truth` is false; the fuzzer then keeps the input that led here.
inline void check(bool truth) {
    if (!truth)
        std::abort();
}

} // namespace msb::testing
