// What surrounds every function of the C ABI: no exception and no SIGPIPE gets out, results and
// errors are allocated by malloc.
#pragma once

#include "api/failure.hpp"
#include "base/bytes.hpp"
#include "json/text.hpp"
#include "microsandbox/microsandbox.h"

#include <exception>
#include <signal.h>
#include <string>

#define MSB_API extern "C" __attribute__((visibility("default")))

namespace msb::ffi {

using api::Failure;
using api::FailureKind;
using api::Outcome;
using json::or_null;
/// A copy for the caller; nullptr if there is no memory.
char* copy_text(std::string_view text);
/// Allocates at least one byte, because NULL means that there is no result.
std::uint8_t* copy_bytes(BytesView bytes);

inline void give(char** result, const json::Value& document) {
    if (result != nullptr)
        *result = copy_text(json::to_text(document));
}
inline void give(std::uint8_t** result, std::size_t* size, BytesView bytes) {
    if (result == nullptr || size == nullptr)
        return;
    *result = copy_bytes(bytes);
    *size = bytes.size();
}

char* error_text(const Failure& failure);
/// Frees the text; also accepts the error that is returned when there is no memory.
void release_text(char* text);

/// Writing to a connection that the other end has closed is an error here, not the end of a program
/// that has never heard of SIGPIPE.
class PipeSignalGuard {
  public:
    PipeSignalGuard();
    ~PipeSignalGuard();
    PipeSignalGuard(const PipeSignalGuard&) = delete;
    PipeSignalGuard& operator=(const PipeSignalGuard&) = delete;

  private:
    sigset_t pipe_{};
    sigset_t before_{};
    bool pending_before_ = false;
};

/// Runs the body of a function of the ABI. Its Outcome<void> becomes what the function returns.
template <typename Body> char* call(Body body) noexcept {
    const PipeSignalGuard guard;
    try {
        const Outcome<void> done = body();
        return done ? nullptr : error_text(done.error());
    } catch (const std::exception& error) {
        return error_text(Failure(FailureKind::internal, error.what()));
    } catch (...) {
        return error_text(Failure(FailureKind::internal, "unknown exception"));
    }
}

} // namespace msb::ffi
