#include "agent/files/ops.hpp"

#include "agent/core/raw.hpp"
#include "agent/core/users.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <poll.h>

namespace msb::agent {

namespace {

constexpr std::size_t scratch_size = std::size_t{32} << 10;
constexpr int poll_step = 100; ///< milliseconds between looks at the cancellation

/// Makes this thread act as another user, with that user's permissions and none of root's. The real
/// and the saved user id stay root's, so no process of that user can signal or trace the agent; raw
/// system calls, because the library's would change every thread of the agent.
class ActAs {
  public:
    ActAs() = default;
    ActAs(const ActAs&) = delete;
    ActAs& operator=(const ActAs&) = delete;
    ~ActAs() {
        if (!active_)
            return;
        // The real user id is root's: the way back is always open.
        if (raw::call(SYS_setresuid, -1, 0, -1) < 0 || raw::call(SYS_setresgid, -1, 0, -1) < 0 ||
            raw::call(SYS_setgroups, 0, 0) < 0)
            std::abort();
    }

    Status become(const std::string& user) {
        const auto identity = std::make_unique<Identity>();
        std::string scratch(scratch_size, '\0');
        const UserError error =
            resolve_identity(user, "/etc/passwd", "/etc/group", scratch, *identity);
        if (error != UserError::none)
            return fail(ErrorKind::invalid_argument,
                        std::string("guest ") +
                            (error == UserError::unknown_group ? "group" : "user") +
                            " not found: " + user);
        active_ = true;
        long result = raw::call(SYS_setgroups, static_cast<long>(identity->group_count),
                                raw::address(identity->groups.data()));
        if (result >= 0)
            result = raw::call(SYS_setresgid, -1, identity->gid, -1);
        if (result >= 0)
            result = raw::call(SYS_setresuid, -1, identity->uid, -1);
        if (result < 0)
            return fail(Error::from_errno(static_cast<int>(-result), "become user", user));
        return {};
    }

  private:
    bool active_ = false;
};

FileResult perform_as_user(const FileWork& work) {
    ActAs identity;
    if (!work.user.empty() && work.switch_user)
        MSB_TRY(identity.become(work.user));
    MSB_TRY(work.cancellation.check());
    return is_stream(work.request.op) ? stream(work) : operate(work);
}

} // namespace

bool is_stream(const wire::FsOp& op) {
    return std::holds_alternative<wire::FsRead>(op) ||
           std::holds_alternative<wire::FsReadTree>(op) || is_upload(op);
}

bool is_upload(const wire::FsOp& op) {
    return std::holds_alternative<wire::FsWrite>(op) ||
           std::holds_alternative<wire::FsWriteTree>(op);
}

wire::FsResponse perform(const FileWork& work) {
    work.cancellation.thread().enter();
    auto result = perform_as_user(work);
    work.cancellation.thread().leave();
    // The result of an interrupted system call does not tell what happened.
    if (!result && work.cancellation.is_cancelled())
        result = fail(ErrorKind::cancelled, "cancelled");
    if (!result)
        return failed_response(work.request.op, result.error());
    wire::FsResponse response;
    response.ok = true;
    response.data = std::move(*result);
    return response;
}

wire::FsResponse failed_response(const wire::FsOp& op, const Error& error) {
    wire::FsResponse response;
    response.error = std::string(wire::operation_name(op)) + ": " + error.to_string();
    response.kind = std::string(to_string(error.kind()));
    const int reason = error.kind() == ErrorKind::cancelled ? ECANCELED : error.sys_errno();
    if (reason != 0) {
        response.sys_errno = reason;
        const char* name = ::strerrorname_np(reason);
        response.errno_name = name == nullptr ? "E?" : name;
    }
    return response;
}

Status check_path(const std::string& path) {
    if (path.find('\0') != std::string::npos)
        return fail(Error::from_errno(EINVAL, "a path with a NUL byte")
                        .with_kind(ErrorKind::invalid_argument));
    return {};
}

Result<off_t> to_offset(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()))
        return fail(Error::from_errno(EINVAL, "offset " + std::to_string(value))
                        .with_kind(ErrorKind::invalid_argument));
    return static_cast<off_t>(value);
}

Status wait_until_ready(int fd, short events, const Cancellation& cancellation) {
    for (;;) {
        MSB_TRY(cancellation.check());
        pollfd poll_fd{fd, events, 0};
        const int ready = ::poll(&poll_fd, 1, poll_step);
        if (ready > 0)
            return {};
        if (ready == -1 && errno != EINTR)
            return fail_errno("poll");
    }
}

} // namespace msb::agent
