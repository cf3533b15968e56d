// boot-error.json: why a sandbox did not become ready, written by the stage that failed.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

struct BootError {
    std::int64_t time_ns = 0; ///< Unix time
    std::string stage;        ///< mount, build_vm, config, network, image, kernel, agent, other
    std::optional<int> sys_errno;
    std::string message;
    std::string hint; ///< empty if nothing is known

    static BootError from(std::string_view stage, const Error& error);
    std::string to_json() const;
    static Result<BootError> from_json(std::string_view text);
};

} // namespace msb
