// Releasing, cancelling, progress, and where the library's programs are.
#include "base/file.hpp"
#include "base/installation.hpp"
#include "ffi/abi.hpp"
#include "sandbox/home.hpp"

#include <array>
#include <climits>
#include <cstdlib>
#include <dlfcn.h>

namespace msb::ffi {

namespace {

/// The PREFIX of PREFIX/bin/msb, links followed; nothing if that file does not exist.
std::string prefix_of(const std::string& path) {
    std::array<char, PATH_MAX> real{};
    if (::realpath(path.c_str(), real.data()) == nullptr)
        return {};
    std::string prefix = real.data();
    for (int level = 0; level < 2; ++level)
        prefix.resize(std::min(prefix.rfind('/'), prefix.size()));
    return prefix;
}

/// The installation that this library is part of: PREFIX/lib/libmicrosandbox.so, however deep below
/// lib a distribution puts libraries.
std::string own_prefix() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(&msb_version), &info) == 0 || info.dli_fname == nullptr)
        return {};
    std::array<char, PATH_MAX> real{};
    if (::realpath(info.dli_fname, real.data()) == nullptr)
        return {};
    std::string directory = real.data();
    for (int level = 0; level < 3 && directory.rfind('/') != std::string::npos; ++level) {
        directory.resize(directory.rfind('/'));
        if (exists(directory + "/libexec/microsandbox/runtime"))
            return directory;
    }
    return {};
}

struct SdkPath {
    std::mutex mutex;
    std::string value;
};

SdkPath& sdk_path() {
    static auto* path = new SdkPath;
    return *path;
}

} // namespace

Outcome<void> locate_installation() {
    if (const char* path = std::getenv("MSB_PATH"); path != nullptr && *path != '\0') {
        std::string prefix = prefix_of(path);
        if (prefix.empty())
            return api::fail(
                Failure(FailureKind::io, Error(ErrorKind::not_found,
                                               "MSB_PATH names no file: " + std::string(path))));
        set_installation_prefix(std::move(prefix));
        return {};
    }
    SdkPath& chosen = sdk_path();
    const std::lock_guard lock(chosen.mutex);
    std::string prefix = chosen.value.empty() ? own_prefix() : prefix_of(chosen.value);
    if (prefix.empty())
        return api::fail(Failure(
            FailureKind::io,
            Error(ErrorKind::not_found,
                  chosen.value.empty() ? "the programs of microsandbox are not beside its library"
                                       : "no such file: " + chosen.value)
                .with_hint("install microsandbox, or set MSB_PATH to its msb")));
    set_installation_prefix(std::move(prefix));
    return {};
}

} // namespace msb::ffi

using namespace msb;
using namespace msb::ffi;

MSB_API std::uint32_t msb_abi_version() {
    return MSB_ABI_VERSION;
}

MSB_API const char* msb_version() {
    return MSB_VERSION;
}

MSB_API void msb_free_string(char* text) {
    release_text(text);
}

MSB_API void msb_free_bytes(std::uint8_t* bytes) {
    std::free(bytes);
}

MSB_API void msb_set_sdk_msb_path(const char* path) {
    SdkPath& chosen = sdk_path();
    const std::lock_guard lock(chosen.mutex);
    chosen.value = path != nullptr ? path : "";
}

MSB_API void msb_set_sdk_home(const char* path) {
    Home::set_root(path != nullptr ? path : "");
}

MSB_API std::uint64_t msb_cancel_alloc() {
    return add_object(std::make_shared<api::Cancel>());
}

MSB_API void msb_cancel_trigger(std::uint64_t cancel) {
    if (const auto found = find<api::Cancel>(cancel))
        (*found)->trigger();
}

MSB_API void msb_cancel_unregister(std::uint64_t cancel) {
    (void)take<api::Cancel>(cancel);
}

MSB_API std::uint64_t msb_progress_alloc() {
    return add_object(std::make_shared<ReportQueue>());
}

MSB_API char* msb_progress_next(std::uint64_t cancel, std::uint64_t progress, char** event) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        const auto queue = MSB_TRY(find<ReportQueue>(progress));
        const auto next = MSB_TRY(queue->next(cancelling.get()));
        if (next)
            give(event, *next);
        else if (event != nullptr)
            *event = nullptr;
        return {};
    });
}

MSB_API void msb_progress_free(std::uint64_t progress) {
    if (const auto queue = take<ReportQueue>(progress))
        (*queue)->finish(); // whoever still reads
}
