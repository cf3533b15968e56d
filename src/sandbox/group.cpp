#include "sandbox/group.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/system.hpp"
#include "jail/control_group.hpp"

#include <climits>
#include <unistd.h>

namespace msb {

namespace {

Result<OwnedFd> make(const Home& home, const SandboxSpec& spec, const jail::ControlGroups& groups) {
    const std::string note = home.control_group_note(spec.name);
    const std::string name = home.control_group_name(spec.name);
    MSB_TRY(make_directories(home.root() + "/run/groups", 0700));
    if (::symlink(groups.path_of(name).c_str(), note.c_str()) == -1)
        return fail_errno("symlink", note);
    return groups.make(name, jail::group_limits(spec.memory_mib << 20, spec.cpus));
}

} // namespace

OwnedFd make_sandbox_group(const Home& home, const SandboxSpec& spec) {
    const auto groups = jail::ControlGroups::find();
    if (!groups.available())
        return {};
    auto group = make(home, spec, groups);
    if (group)
        return std::move(*group);
    // Without a group only the limits of each process remain.
    log::warn("no control group for '{}': {}", spec.name, group.error().to_string());
    return {};
}

Status remove_sandbox_group(const Home& home, std::string_view name) {
    const std::string note = home.control_group_note(name);
    std::string group(PATH_MAX, '\0');
    const ssize_t length = ::readlink(note.c_str(), group.data(), group.size());
    if (length <= 0)
        return {};
    group.resize(static_cast<std::size_t>(length));
    MSB_TRY(jail::remove_control_group(group));
    return sys::unlink(note);
}

} // namespace msb
