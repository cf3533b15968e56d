#include "library.hpp"

#include <dlfcn.h>
#include <mutex>

namespace msb::node {

namespace {

template <typename Symbol> bool find(void* library) {
    const std::string name = std::string("msb_") + Symbol::name;
    Symbol::address = reinterpret_cast<typename Symbol::Type>(::dlsym(library, name.c_str()));
    return Symbol::address != nullptr;
}

std::string last_error() {
    const char* text = ::dlerror(); // NOLINT(concurrency-mt-unsafe): glibc keeps one a thread
    return text != nullptr ? text : "unknown error";
}

} // namespace

std::string load_library(const std::string& path) {
    static std::mutex mutex;
    static bool loaded = false;
    const std::lock_guard lock(mutex);
    if (loaded)
        return {};
    // Never closed: threads of calls may still be in it when an environment ends.
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return last_error();
#define MSB_NODE_FIND(function)                                                                    \
    if (!find<symbol::function>(library))                                                          \
        return last_error();
    MSB_NODE_FUNCTIONS(MSB_NODE_FIND)
#undef MSB_NODE_FIND
    const unsigned version = symbol::abi_version::address();
    if (version != MSB_ABI_VERSION)
        return path + " has version " + std::to_string(version) + " of the interface, not " +
               std::to_string(MSB_ABI_VERSION);
    loaded = true;
    return {};
}

} // namespace msb::node
