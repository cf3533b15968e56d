#include "agent/exec/plan.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <unordered_map>

namespace msb::agent {

namespace {

constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::string_view scripts_prefix = "/.msb/scripts:";

wire::ExecFailed bad_argument(std::string message, std::string_view stage) {
    return {wire::ExecFailure::bad_args, EINVAL, "EINVAL", std::move(message), std::string(stage)};
}

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

/// Environment being put together: a later value of a key replaces an earlier one in its place.
class Environment {
  public:
    void set(std::string_view key, std::string variable) {
        const auto [found, added] = index_.try_emplace(std::string(key), variables_.size());
        if (added)
            variables_.push_back(std::move(variable));
        else
            variables_[found->second] = std::move(variable);
    }
    std::string_view get(std::string_view key) const {
        const auto found = index_.find(std::string(key));
        if (found == index_.end())
            return {};
        return std::string_view(variables_[found->second]).substr(key.size() + 1);
    }
    std::vector<std::string> take() { return std::move(variables_); }

  private:
    std::vector<std::string> variables_;
    std::unordered_map<std::string, std::size_t> index_;
};

std::expected<std::vector<std::string>, wire::ExecFailed>
make_environment(const wire::ExecRequest& request, const Config& config) {
    Environment environment;
    for (const wire::KeyValue& variable : config.environment)
        environment.set(variable.key, variable.key + "=" + variable.value);
    for (const std::string& variable : request.env) {
        const std::size_t equals = variable.find('=');
        if (equals == 0 || equals == std::string::npos || has_nul(variable))
            return std::unexpected(
                bad_argument("environment entry '" + variable + "' is not NAME=value", "env"));
        environment.set(std::string_view(variable).substr(0, equals), variable);
    }
    std::string path(environment.get("PATH"));
    if (path.empty())
        path = default_path;
    if (config.scripts && !path.starts_with(scripts_prefix))
        path.insert(0, scripts_prefix);
    environment.set("PATH", "PATH=" + path);
    return environment.take();
}

wire::ExecFailure classify(int reason) {
    switch (reason) {
    case ENOENT:
    case ENOTDIR: return wire::ExecFailure::not_found;
    case EACCES:
    case EPERM: return wire::ExecFailure::permission_denied;
    case ENOEXEC:
    case ELIBBAD:
    case EISDIR:
    case ETXTBSY: return wire::ExecFailure::not_executable;
    case E2BIG:
    case ELOOP:
    case ENAMETOOLONG:
    case EFAULT:
    case EINVAL: return wire::ExecFailure::bad_args;
    case EMFILE:
    case ENFILE:
    case EAGAIN: return wire::ExecFailure::resource_limit;
    case ENOMEM: return wire::ExecFailure::out_of_memory;
    default: return wire::ExecFailure::other;
    }
}

wire::ExecFailed with_errno(wire::ExecFailure kind, int reason, std::string what,
                            std::string_view stage) {
    wire::ExecFailed failed{.kind = kind, .message = std::move(what), .stage = std::string(stage)};
    if (reason != 0) {
        failed.sys_errno = reason;
        const char* name = ::strerrorname_np(reason);
        failed.errno_name = name == nullptr ? "E?" : name;
        failed.message.append(": ").append(std::strerror(reason));
    }
    return failed;
}

} // namespace

std::expected<LaunchPlan, wire::ExecFailed> make_launch_plan(const wire::ExecRequest& request,
                                                             const Config& config) {
    LaunchPlan plan;
    plan.command = request.cmd;
    plan.argv.reserve(request.args.size() + 1);
    plan.argv.push_back(request.cmd);
    plan.argv.insert(plan.argv.end(), request.args.begin(), request.args.end());
    plan.user = request.user && !request.user->empty() ? *request.user : config.user;
    plan.directory = request.cwd && !request.cwd->empty() ? *request.cwd : config.directory;
    for (const std::string& argument : plan.argv)
        if (has_nul(argument))
            return std::unexpected(bad_argument("an argument contains a NUL byte", "args"));
    if (has_nul(plan.directory))
        return std::unexpected(bad_argument("the working directory contains a NUL byte", "cwd"));
    auto environment = make_environment(request, config);
    if (!environment)
        return std::unexpected(std::move(environment).error());
    plan.env = std::move(*environment);
    auto limits = parse_limits(request.rlimits);
    if (!limits)
        return std::unexpected(bad_argument(limits.error().message(), "rlimits"));
    plan.limits = config.limits;
    plan.limits.insert(plan.limits.end(), limits->begin(), limits->end());
    plan.switch_user = config.switch_user;
    plan.restricted = config.restricted;
    return plan;
}

wire::ExecFailed describe(const Error& error, std::string_view stage) {
    wire::ExecFailed failed = with_errno(classify(error.sys_errno()), 0, error.to_string(), stage);
    if (error.sys_errno() != 0) {
        failed.sys_errno = error.sys_errno();
        const char* name = ::strerrorname_np(error.sys_errno());
        failed.errno_name = name == nullptr ? "E?" : name;
    }
    return failed;
}

wire::ExecFailed describe(const LaunchFailure& failure, const LaunchPlan& plan) {
    const std::string_view stage = to_string(failure.step);
    const int reason = failure.sys_errno;
    switch (failure.step) {
    case LaunchStep::terminal:
        return with_errno(wire::ExecFailure::pty_setup_failed, reason, "cannot set up the terminal",
                          stage);
    case LaunchStep::limits:
        return with_errno(wire::ExecFailure::resource_limit, reason,
                          "cannot set the resource limits", stage);
    case LaunchStep::user:
        return with_errno(wire::ExecFailure::user_setup_failed, reason,
                          std::string("guest ") +
                              (failure.user_error == UserError::unknown_group ? "group" : "user") +
                              " not found: " + plan.user,
                          stage);
    case LaunchStep::identity:
        return with_errno(wire::ExecFailure::user_setup_failed, reason,
                          "cannot become user '" + plan.user + "'", stage);
    case LaunchStep::directory:
        return with_errno(wire::ExecFailure::bad_cwd, reason,
                          "cannot enter working directory '" + plan.directory + "'", stage);
    case LaunchStep::execute:
        if (failure.interpreter_missing)
            return with_errno(wire::ExecFailure::not_executable, reason,
                              "the interpreter of '" + plan.command + "' does not exist", stage);
        return with_errno(classify(reason), reason, "cannot execute '" + plan.command + "'", stage);
    case LaunchStep::session:
    case LaunchStep::descriptors:
    case LaunchStep::profile: break;
    }
    return with_errno(classify(reason), reason, "cannot prepare the command", stage);
}

} // namespace msb::agent
