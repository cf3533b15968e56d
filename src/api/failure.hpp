// What the library's calls fail with: an Error, and details that a caller can branch on.
#pragma once

#include "base/result.hpp"
#include "spec/boot_error.hpp"
#include "wire/messages.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace msb::api {

enum class FailureKind {
    invalid_argument, ///< the call itself is wrong: no JSON, an unknown option, a bad type
    invalid_handle,
    invalid_config, ///< a sandbox cannot be like that
    cancelled,
    timed_out,
    sandbox_not_found,
    already_exists,
    still_running,
    not_running,
    boot_start, ///< `boot` says at which stage
    no_default_command,
    exec_failed, ///< the command could not start: `exec` says why
    exec_timeout,
    session_lost, ///< the sandbox ended before the command, or the connection broke
    patch_failed, ///< a change to the new sandbox's files could not be made
    image_not_found,
    image_in_use,
    image_pull_failed,
    snapshot_not_found,
    snapshot_already_exists,
    snapshot_sandbox_running, ///< only one that is still can be snapshotted
    snapshot_image_missing,   ///< neither the cache nor a registry has the image that it pins
    snapshot_integrity,       ///< the disk is not what it was
    snapshot_in_use,          ///< another one came from it, or another call works on it
    network_not_found,
    network_already_exists,
    network_in_use, ///< a sandbox is in it
    volume_not_found,
    volume_already_exists,
    volume_in_use,  ///< a sandbox that runs has it mounted, or another call works on it
    path_not_found, ///< in the guest
    filesystem,     ///< any other failed file operation in the guest
    invalid_cursor,
    missed_rotation,     ///< the log has lost what follows the cursor
    metrics_disabled,    ///< the sandbox takes none
    metrics_unavailable, ///< there is no sample of it (yet)
    limit_exceeded,
    permission_denied,
    no_space,
    unsupported,
    unreachable,
    protocol,
    corrupt,
    io,
    internal,
};
/// "already_exists": as in the C ABI.
std::string_view to_string(FailureKind kind);

struct [[nodiscard]] Failure {
    FailureKind kind = FailureKind::internal;
    Error error;
    std::string name; ///< of the sandbox or image concerned; may be empty
    std::optional<BootError> boot;
    std::optional<wire::ExecFailed> exec;
    std::optional<std::chrono::milliseconds> timeout; ///< that passed

    /// The kind follows from the error's.
    Failure(Error cause); // NOLINT(google-explicit-constructor): MSB_TRY converts
    Failure(FailureKind what, Error cause) : kind(what), error(std::move(cause)) {}
    Failure(FailureKind what, std::string message)
        : kind(what), error(ErrorKind::system, std::move(message)) {}

    Failure of(std::string object) && {
        name = std::move(object);
        return std::move(*this);
    }
};

template <typename T> using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> fail(FailureKind kind, std::string message) {
    return std::unexpected<Failure>(Failure(kind, std::move(message)));
}
inline std::unexpected<Failure> fail(Failure failure) {
    return std::unexpected<Failure>(std::move(failure));
}

/// An error of a call about the sandbox `name`.
Failure sandbox_failure(Error error, const std::string& name);
/// An error of getting an image.
Failure image_failure(Error error, const std::string& reference);

template <typename T> Outcome<T> about_sandbox(Result<T> result, const std::string& name) {
    if (!result)
        return std::unexpected(sandbox_failure(std::move(result).error(), name));
    if constexpr (std::is_void_v<T>)
        return {};
    else
        return std::move(*result);
}

} // namespace msb::api
