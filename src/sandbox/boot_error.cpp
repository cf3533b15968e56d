#include "sandbox/boot_error.hpp"

#include "base/time.hpp"

#include <nlohmann/json.hpp>

namespace msb {

using nlohmann::json;

BootError BootError::from(std::string_view stage, const Error& error) {
    BootError result;
    result.time_ns = unix_time_ns();
    result.stage = stage;
    if (error.sys_errno() != 0)
        result.sys_errno = error.sys_errno();
    result.message = error.to_string();
    result.hint = error.hint();
    return result;
}

std::string BootError::to_json() const {
    const json document = {
        {"t", format_rfc3339(time_ns, 3)},
        {"stage", stage},
        {"errno", sys_errno ? json(*sys_errno) : json(nullptr)},
        {"message", message},
        {"hint", hint.empty() ? json(nullptr) : json(hint)},
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
        return result;
    } catch (const json::exception& error) {
        return fail(ErrorKind::corrupt, std::string("boot error record: ") + error.what());
    }
}

} // namespace msb
