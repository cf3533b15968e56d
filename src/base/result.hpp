// Errors are values: every fallible function returns Result<T> and callers use MSB_TRY.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace msb {

/// What class of thing went wrong. Callers branch on this, never on message text.
enum class ErrorKind {
    invalid_argument, ///< The caller or user gave a value that can never be right.
    not_found,
    already_exists,
    permission_denied,
    busy,           ///< Right request, wrong moment: something else holds the object.
    unsupported,    ///< Valid, but this engine, kernel or build cannot do it.
    corrupt,        ///< Stored or received data breaks its own format.
    limit_exceeded, ///< A stated bound (size, count, depth) was passed.
    timed_out,
    cancelled,
    unreachable, ///< A peer (registry, agent, runtime) cannot be connected to.
    protocol,    ///< A peer answered with something its protocol forbids.
    no_space,
    system, ///< A system call failed; `sys_errno` and `call` say which.
};

/// Stable lower-case name ("not_found"), used in JSON and logs.
std::string_view to_string(ErrorKind kind);

/// One failure: what was attempted, with which object, why, and what the user can do about it.
class [[nodiscard]] Error {
  public:
    Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

    /// A failed system call. The kind is derived from `sys_errno` (ENOENT -> not_found, ...).
    /// `object` names what the call was applied to: a path, an address, a pid.
    static Error from_errno(int sys_errno, std::string_view call, std::string_view object = {});

    ErrorKind kind() const { return kind_; }
    /// errno of the innermost failed system call; 0 if there was none.
    int sys_errno() const { return sys_errno_; }
    /// This level's text only, without the cause.
    const std::string& message() const { return message_; }
    /// What the user can do; empty if nothing is known.
    const std::string& hint() const { return hint_; }

    /// Same failure seen one level up: "{message}: {cause}". Keeps kind, errno and hint.
    Error wrap(std::string message) &&;
    Error with_hint(std::string hint) &&;
    Error with_kind(ErrorKind kind) &&;

    /// The whole chain, outermost first, joined with ": ".
    std::string to_string() const;

  private:
    ErrorKind kind_;
    int sys_errno_ = 0;
    std::string message_;
    std::string hint_;
    std::shared_ptr<const Error> cause_;
};

template <typename T> using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
    return std::unexpected<Error>(Error(kind, std::move(message)));
}
inline std::unexpected<Error> fail(Error error) {
    return std::unexpected<Error>(std::move(error));
}
/// Of a value that somebody gave: the message says which, and what would do.
inline std::unexpected<Error> invalid(std::string message) {
    return fail(ErrorKind::invalid_argument, std::move(message));
}
/// Reads errno: call it directly after the failing system call.
std::unexpected<Error> fail_errno(std::string_view call, std::string_view object = {});

namespace detail {
template <typename T, typename E> T take(std::expected<T, E>&& result) {
    if constexpr (!std::is_void_v<T>)
        return std::move(*result);
}
} // namespace detail

} // namespace msb

/// Evaluates to the value of a Result, or returns its error from the enclosing function.
#define MSB_TRY(expression)                                                                        \
    ({                                                                                             \
        auto msb_try_result = (expression);                                                        \
        if (!msb_try_result)                                                                       \
            return std::unexpected(std::move(msb_try_result).error());                             \
        ::msb::detail::take(std::move(msb_try_result));                                            \
    })

/// Like MSB_TRY, and puts `context` (a std::string expression, evaluated on failure only) in front.
#define MSB_TRY_WRAP(expression, context)                                                          \
    ({                                                                                             \
        auto msb_try_result = (expression);                                                        \
        if (!msb_try_result)                                                                       \
            return std::unexpected<::msb::Error>(std::move(msb_try_result).error().wrap(context)); \
        ::msb::detail::take(std::move(msb_try_result));                                            \
    })
