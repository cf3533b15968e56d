// boot-error.json: why a sandbox did not become ready, written by the stage that failed.
#pragma once

#include "base/result.hpp"
#include "json/fwd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

struct BootError {
    std::int64_t time_ns = 0; ///< Unix time
    std::string stage;        ///< mount, build_vm, config, network, image, other
    std::optional<int> sys_errno;
    std::string message;
    std::string hint; ///< empty if nothing is known
    std::string step; ///< what of ours failed, finer than the stage: "user", "kernel", "modules"

    /// A failure of one of our steps; the stage follows from it. Without a hint in `error`, stage
    /// and errno may know one.
    static BootError from(std::string_view step, const Error& error);
    json::Value to_document() const;
    static Result<BootError> from_document(const json::Value& value);
    /// The document as text.
    std::string to_json() const;
    static Result<BootError> from_json(std::string_view text);
};

/// The stage that a step belongs to; unknown steps are "other".
std::string_view boot_stage(std::string_view step);

} // namespace msb
