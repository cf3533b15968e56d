#include "spec/boot_error.hpp"

#include "base/time.hpp"

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

namespace msb {

using nlohmann::json;

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

} // namespace

std::string_view boot_stage(std::string_view step) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> stages = {{
        // of the host
        {"disk", "mount"},
        {"build_vm", "build_vm"},
        {"kernel", "build_vm"},
        // of the guest (src/agent/boot.cpp)
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

std::string BootError::to_json() const {
    const json document = {
        {"t", format_rfc3339(time_ns, 3)},
        {"stage", stage},
        {"errno", sys_errno ? json(*sys_errno) : json(nullptr)},
        {"message", message},
        {"hint", hint.empty() ? json(nullptr) : json(hint)},
        {"step", step},
    };
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<BootError> BootError::from_json(std::string_view text) {
    try {
        const json document = json::parse(text);
        BootError result;
        document.at("stage").get_to(result.stage);
        document.at("message").get_to(result.message);
        if (document.contains("errno") && document.at("errno").is_number_integer())
            result.sys_errno = document.at("errno").get<int>();
        if (document.contains("hint") && document.at("hint").is_string())
            document.at("hint").get_to(result.hint);
        if (document.contains("step") && document.at("step").is_string())
            document.at("step").get_to(result.step);
        if (document.contains("t") && document.at("t").is_string())
            result.time_ns = parse_rfc3339(document.at("t").get<std::string>()).value_or(0);
        return result;
    } catch (const json::exception& error) {
        return fail(ErrorKind::corrupt, std::string("boot error record: ") + error.what());
    }
}

} // namespace msb
