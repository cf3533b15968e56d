#include "base/result.hpp"

#include <cerrno>
#include <cstring>

namespace msb {

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
    case ErrorKind::invalid_argument: return "invalid_argument";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::already_exists: return "already_exists";
    case ErrorKind::permission_denied: return "permission_denied";
    case ErrorKind::busy: return "busy";
    case ErrorKind::unsupported: return "unsupported";
    case ErrorKind::corrupt: return "corrupt";
    case ErrorKind::limit_exceeded: return "limit_exceeded";
    case ErrorKind::timed_out: return "timed_out";
    case ErrorKind::cancelled: return "cancelled";
    case ErrorKind::unreachable: return "unreachable";
    case ErrorKind::protocol: return "protocol";
    case ErrorKind::no_space: return "no_space";
    case ErrorKind::system: return "system";
    }
    return "system";
}

namespace {

ErrorKind kind_of_errno(int sys_errno) {
    switch (sys_errno) {
    case ENOENT: return ErrorKind::not_found;
    case EEXIST: return ErrorKind::already_exists;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorKind::permission_denied;
    case EBUSY:
    case EWOULDBLOCK: return ErrorKind::busy;
    case ENOSPC:
    case EDQUOT: return ErrorKind::no_space;
    case ETIMEDOUT: return ErrorKind::timed_out;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH: return ErrorKind::unreachable;
    case ENOSYS:
    case EOPNOTSUPP: return ErrorKind::unsupported;
    case EMFILE:
    case ENFILE: return ErrorKind::limit_exceeded;
    default: return ErrorKind::system;
    }
}

} // namespace

Error Error::from_errno(int sys_errno, std::string_view call, std::string_view object) {
    std::string message(call);
    if (!object.empty())
        message.append(" '").append(object).append("'");
    message.append(": ").append(std::strerror(sys_errno));
    Error error(kind_of_errno(sys_errno), std::move(message));
    error.sys_errno_ = sys_errno;
    return error;
}

Error Error::wrap(std::string message) && {
    Error outer(kind_, std::move(message));
    outer.sys_errno_ = sys_errno_;
    outer.hint_ = hint_;
    outer.cause_ = std::make_shared<const Error>(std::move(*this));
    return outer;
}

Error Error::with_hint(std::string hint) && {
    hint_ = std::move(hint);
    return std::move(*this);
}

Error Error::with_kind(ErrorKind kind) && {
    kind_ = kind;
    return std::move(*this);
}

std::string Error::to_string() const {
    std::string text = message_;
    for (const Error* cause = cause_.get(); cause != nullptr; cause = cause->cause_.get())
        text.append(": ").append(cause->message_);
    return text;
}

std::unexpected<Error> fail_errno(std::string_view call, std::string_view object) {
    return std::unexpected<Error>(Error::from_errno(errno, call, object));
}

} // namespace msb
