#include "spec/boot_error.hpp"

#include "base/time.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

#include <array>
#include <cerrno>
#include <utility>

namespace msb {

namespace {

std::string_view known_hint(std::string_view step, std::string_view stage, int sys_errno) {
    if (step == "disk")
        return "the sandbox's own disk cannot be used: remove the sandbox and make it again";
    if (stage == "mount" && sys_errno == ENOENT)
        return "the host path of one of the mounts does not exist";
    if (stage == "mount" && sys_errno == EACCES)
        return "the host path of one of the mounts is not readable";
    if (stage == "image" && sys_errno == ENOENT)
        return "the image is not complete in the cache: pull it first (msb pull), or load it";
    if (stage == "image")
        return "the cached image is damaged: msb image rm it, then pull or load it again";
    if (stage == "network" && sys_errno == EADDRINUSE)
        return "a published port is bound by another program: publish another one";
    return {};
}

/// A member that may be missing or null.
std::string text_or_nothing(json::Reader& document, std::string_view key) {
    return document.has(key) && !document.member(key).is_null() ? document.get<std::string>(key)
                                                                : std::string();
}

} // namespace

std::string_view boot_stage(std::string_view step) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> stages = {{
        // of the host
        {"disk", "mount"},
        {"build_vm", "build_vm"},
        {"kernel", "build_vm"},
        // of the guest (src/agent/boot/boot.cpp)
        {"modules", "build_vm"},
        {"transport", "build_vm"},
        {"bootstrap", "config"},
        {"image", "image"},
        {"root", "mount"},
        {"mount", "mount"},
        {"mounts", "mount"},
        {"user", "config"},
        {"workdir", "config"},
        {"identity", "config"},
        {"limits", "config"},
        {"serve", "config"},
        {"init", "config"},
        {"config", "config"},
        {"network", "network"},
    }};
    for (const auto& [known, stage] : stages)
        if (known == step)
            return stage;
    return "other";
}

BootError BootError::from(std::string_view step, const Error& error) {
    BootError result;
    result.time_ns = unix_time_ns();
    result.stage = boot_stage(step);
    result.step = step;
    if (error.sys_errno() != 0)
        result.sys_errno = error.sys_errno();
    else if (error.kind() == ErrorKind::not_found && result.stage != "config")
        result.sys_errno = ENOENT; // found out without a system call
    result.message = error.to_string();
    result.hint = error.hint();
    if (result.hint.empty())
        result.hint = known_hint(step, result.stage, result.sys_errno.value_or(0));
    return result;
}

json::Value BootError::to_document() const {
    return {
        {"t", format_rfc3339(time_ns, 3)},
        {"stage", stage},
        {"errno", sys_errno},
        {"message", message},
        {"hint", json::or_null(hint)},
        {"step", step},
    };
}

Result<BootError> BootError::from_document(const json::Value& value) {
    json::Reader document(value);
    BootError result;
    document.get("stage", result.stage);
    document.get("message", result.message);
    document.get_if_there("errno", result.sys_errno);
    result.hint = text_or_nothing(document, "hint");
    result.step = text_or_nothing(document, "step");
    result.time_ns = parse_rfc3339(text_or_nothing(document, "t")).value_or(0);
    MSB_TRY_WRAP(document.status(), "boot error record");
    return result;
}

std::string BootError::to_json() const {
    return json::to_text(to_document(), 2) + "\n";
}

Result<BootError> BootError::from_json(std::string_view text) {
    return from_document(MSB_TRY_WRAP(json::parse(text), "boot error record"));
}

} // namespace msb
