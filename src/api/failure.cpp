#include "api/failure.hpp"

namespace msb::api {

namespace {

FailureKind kind_of(ErrorKind kind) {
    switch (kind) {
    case ErrorKind::invalid_argument: return FailureKind::invalid_config;
    case ErrorKind::permission_denied: return FailureKind::permission_denied;
    case ErrorKind::unsupported: return FailureKind::unsupported;
    case ErrorKind::corrupt: return FailureKind::corrupt;
    case ErrorKind::limit_exceeded: return FailureKind::limit_exceeded;
    case ErrorKind::timed_out: return FailureKind::timed_out;
    case ErrorKind::cancelled: return FailureKind::cancelled;
    case ErrorKind::unreachable: return FailureKind::unreachable;
    case ErrorKind::protocol: return FailureKind::protocol;
    case ErrorKind::no_space: return FailureKind::no_space;
    case ErrorKind::not_found:
    case ErrorKind::already_exists:
    case ErrorKind::busy:
    case ErrorKind::system: return FailureKind::io;
    }
    return FailureKind::internal;
}

} // namespace

std::string_view to_string(FailureKind kind) {
    switch (kind) {
    case FailureKind::invalid_argument: return "invalid_argument";
    case FailureKind::invalid_handle: return "invalid_handle";
    case FailureKind::invalid_config: return "invalid_config";
    case FailureKind::cancelled: return "cancelled";
    case FailureKind::timed_out: return "timed_out";
    case FailureKind::sandbox_not_found: return "sandbox_not_found";
    case FailureKind::already_exists: return "already_exists";
    case FailureKind::still_running: return "still_running";
    case FailureKind::not_running: return "not_running";
    case FailureKind::boot_start: return "boot_start";
    case FailureKind::no_default_command: return "no_default_command";
    case FailureKind::exec_failed: return "exec_failed";
    case FailureKind::exec_timeout: return "exec_timeout";
    case FailureKind::session_lost: return "session_lost";
    case FailureKind::patch_failed: return "patch_failed";
    case FailureKind::image_not_found: return "image_not_found";
    case FailureKind::image_in_use: return "image_in_use";
    case FailureKind::image_pull_failed: return "image_pull_failed";
    case FailureKind::snapshot_not_found: return "snapshot_not_found";
    case FailureKind::snapshot_already_exists: return "snapshot_already_exists";
    case FailureKind::snapshot_sandbox_running: return "snapshot_sandbox_running";
    case FailureKind::snapshot_image_missing: return "snapshot_image_missing";
    case FailureKind::snapshot_integrity: return "snapshot_integrity";
    case FailureKind::snapshot_in_use: return "snapshot_in_use";
    case FailureKind::network_not_found: return "network_not_found";
    case FailureKind::network_already_exists: return "network_already_exists";
    case FailureKind::network_in_use: return "network_in_use";
    case FailureKind::volume_not_found: return "volume_not_found";
    case FailureKind::volume_already_exists: return "volume_already_exists";
    case FailureKind::volume_in_use: return "volume_in_use";
    case FailureKind::path_not_found: return "path_not_found";
    case FailureKind::filesystem: return "filesystem";
    case FailureKind::invalid_cursor: return "invalid_cursor";
    case FailureKind::missed_rotation: return "missed_rotation";
    case FailureKind::metrics_disabled: return "metrics_disabled";
    case FailureKind::metrics_unavailable: return "metrics_unavailable";
    case FailureKind::limit_exceeded: return "limit_exceeded";
    case FailureKind::permission_denied: return "permission_denied";
    case FailureKind::no_space: return "no_space";
    case FailureKind::unsupported: return "unsupported";
    case FailureKind::unreachable: return "unreachable";
    case FailureKind::protocol: return "protocol";
    case FailureKind::corrupt: return "corrupt";
    case FailureKind::io: return "io";
    case FailureKind::internal: return "internal";
    }
    return "internal";
}

Failure::Failure(Error cause) : kind(kind_of(cause.kind())), error(std::move(cause)) {}

Failure sandbox_failure(Error error, const std::string& name) {
    const ErrorKind kind = error.kind();
    Failure failure(std::move(error));
    failure.name = name;
    if (kind == ErrorKind::not_found)
        failure.kind = FailureKind::sandbox_not_found;
    else if (kind == ErrorKind::already_exists)
        failure.kind = FailureKind::already_exists;
    else if (kind == ErrorKind::busy)
        failure.kind = FailureKind::still_running;
    return failure;
}

Failure image_failure(Error error, const std::string& reference) {
    const ErrorKind kind = error.kind();
    Failure failure(std::move(error));
    failure.name = reference;
    if (kind == ErrorKind::not_found)
        failure.kind = FailureKind::image_not_found;
    else if (kind == ErrorKind::busy)
        failure.kind = FailureKind::image_in_use;
    else if (kind != ErrorKind::invalid_argument && kind != ErrorKind::cancelled)
        failure.kind = FailureKind::image_pull_failed;
    return failure;
}

} // namespace msb::api
