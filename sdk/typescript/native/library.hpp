// libmicrosandbox.so, found at run time: its functions by name.
#pragma once

#include "functions.hpp"
#include "microsandbox/microsandbox.h"

#include <string>

#define MSB_NODE_FUNCTIONS(X)                                                                      \
    MSB_NODE_CANCELLABLE(X) MSB_NODE_BLOCKING(X) MSB_NODE_IMMEDIATE(X) MSB_NODE_INTERNAL(X)

namespace msb::node {

/// One struct a function: its name, and its address once the library is loaded.
namespace symbol {
#define MSB_NODE_SYMBOL(function)                                                                  \
    struct function {                                                                              \
        using Type = decltype(&::msb_##function);                                                  \
        static constexpr const char* name = #function;                                             \
        static inline Type address = nullptr;                                                      \
    };
MSB_NODE_FUNCTIONS(MSB_NODE_SYMBOL)
#undef MSB_NODE_SYMBOL
} // namespace symbol

/// Loads the library, once a process. Returns what is wrong, or nothing.
std::string load_library(const std::string& path);

} // namespace msb::node
