#include "ffi/call.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace msb::ffi {

namespace {
// Returned when there is no memory even for a message: an error without text.
char out_of_memory[] = R"({"kind":"internal","message":"out of memory","hint":null})";
} // namespace

char* copy_text(std::string_view text) {
    char* copy = static_cast<char*>(std::malloc(text.size() + 1));
    if (copy == nullptr)
        return nullptr;
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    return copy;
}

std::uint8_t* copy_bytes(BytesView bytes) {
    auto* copy = static_cast<std::uint8_t*>(std::malloc(bytes.size() + 1));
    if (copy != nullptr && !bytes.empty())
        std::memcpy(copy, bytes.data(), bytes.size());
    return copy;
}

char* error_text(const Failure& failure) {
    json::Value document = {{"kind", to_string(failure.kind)},
                            {"message", failure.error.to_string()},
                            {"hint", or_null(failure.error.hint())}};
    if (failure.error.sys_errno() != 0)
        document["errno"] = failure.error.sys_errno();
    if (!failure.name.empty())
        document["name"] = failure.name;
    if (failure.kind == FailureKind::boot_start && failure.boot) {
        document["stage"] = failure.boot->stage;
        document["step"] = failure.boot->step;
        document["errno"] = failure.boot->sys_errno;
        document["message"] = failure.boot->message;
        document["hint"] = or_null(failure.boot->hint);
    }
    if (failure.exec) {
        document["exec_kind"] = to_string(failure.exec->kind);
        document["errno"] = failure.exec->sys_errno;
        document["errno_name"] = failure.exec->errno_name;
        document["stage"] = failure.exec->stage;
    }
    if (failure.timeout)
        document["timeout_ms"] = failure.timeout->count();
    char* text = copy_text(json::to_text(document));
    return text != nullptr ? text : out_of_memory;
}

void release_text(char* text) {
    if (text != out_of_memory)
        std::free(text);
}

PipeSignalGuard::PipeSignalGuard() {
    sigset_t pending;
    sigpending(&pending);
    pending_before_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
}

PipeSignalGuard::~PipeSignalGuard() {
    // A SIGPIPE that we caused is pending for this thread: write(2) sends it there.
    constexpr timespec at_once{};
    if (!pending_before_)
        while (sigtimedwait(&pipe_, nullptr, &at_once) == -1 && errno == EINTR) {
        }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace msb::ffi
