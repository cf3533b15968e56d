#include "sandbox/launch/fsd.hpp"

#include "base/system.hpp"
#include "jail/jail.hpp"
#include "spec/fs_server.hpp"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb {

namespace {

/// A link on the way may have been put there by a guest that has the directory above it.
Result<OwnedFd> open_source(const Mount& mount) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    if (!mount.follow_root_symlinks)
        how.resolve |= RESOLVE_NO_SYMLINKS;
    OwnedFd fd(static_cast<int>(
        ::syscall(SYS_openat2, AT_FDCWD, mount.source.c_str(), &how, sizeof(how))));
    if (fd)
        return fd;
    Error error = Error::from_errno(errno, "open", mount.source);
    if (errno == ELOOP && !mount.follow_root_symlinks)
        error = std::move(error).with_hint(
            "the path leads through a symbolic link: name where it leads, or add the option "
            "follow-root-symlinks");
    return fail(std::move(error));
}

/// fsd for root runs without capabilities, so it has no access to files of other users.
bool readable(const MountSources::Source& source, const struct stat& info) {
    const unsigned wanted = source.file ? 04 : 05;
    if (::geteuid() != 0)
        return ::faccessat(AT_FDCWD, source.path.c_str(), static_cast<int>(wanted), AT_EACCESS) ==
               0;
    const int shift = info.st_uid == 0 ? 6 : info.st_gid == 0 ? 3 : 0;
    return (info.st_mode >> shift & wanted) == wanted;
}

Result<MountSources::Source> open_one(const Mount& mount) {
    MountSources::Source source;
    source.fd = MSB_TRY(open_source(mount));
    const auto info = MSB_TRY(sys::fstat(source.fd.get()));
    source.file = S_ISREG(info.st_mode);
    if (!source.file && !S_ISDIR(info.st_mode))
        return fail(Error::from_errno(ENOTDIR, "mount", mount.source)
                        .with_hint("a mount's source is a directory or a regular file"));
    struct statfs file_system{};
    if (::fstatfs(source.fd.get(), &file_system) == -1)
        return fail_errno("fstatfs", mount.source);
    if (file_system.f_type == PROC_SUPER_MAGIC) // would show fsd itself, memory and all
        return fail(Error::from_errno(EPERM, "mount", mount.source)
                        .with_hint("files of procfs cannot be shared with a guest"));
    source.path = MSB_TRY(sys::path_of(source.fd.get()));
    if (!readable(source, info))
        return fail(Error::from_errno(EACCES, "open", mount.source));
    return source;
}

fsd::Share describe(const Mount& mount, const MountPlace& place, bool file) {
    fsd::Share share{.device = place.device,
                     .name = place.directory,
                     .file = file ? shared_file_name : "",
                     .read_only = mount.read_only,
                     .keep_metadata = mount.stat_virtualization != StatVirtualization::off,
                     .mirror_modes = mount.host_permissions == HostPermissions::mirror,
                     .cached = mount.cache == MountCache::cached,
                     .quota_bytes = mount.quota.mib.value_or(default_quota_mib) << 20,
                     .quota_names = mount.quota.inodes.value_or(default_quota_inodes)};
    if (mount.owner)
        share.owner = std::to_string(mount.owner->uid) + ":" + std::to_string(mount.owner->gid);
    return share;
}

} // namespace

Result<MountSources> MountSources::open(const std::vector<Mount>& mounts) {
    MountSources result;
    for (const Mount& mount : mounts)
        result.sources.push_back(MSB_TRY_WRAP(open_one(mount), "cannot mount on " + mount.guest));
    return result;
}

Result<Helper> start_fsd(const HelperStart& start, const std::vector<Mount>& mounts,
                         const MountSources& sources) {
    auto lifeline = MSB_TRY(sys::socket_pair(SOCK_SEQPACKET));
    jail::Request request;
    request.role = jail::Role::fs;
    request.argv = {fsd::program};
    request.binds = {{start.installation.program("fsd"), fsd::program, false, true}};
    request.fds = {{fsd::lifeline, lifeline[0].get()}};
    request.control_group = start.control_group;
    request.new_session = true;
    request.die_with_parent = false; // it lives as long as the runtime
    std::vector<OwnedFd> listeners;
    for (std::size_t i = 0; i < mount_devices(mounts.size()); ++i) {
        listeners.push_back(
            MSB_TRY(sys::unix_listen(start.sockets + "/" + mount_tag(i) + ".sock", 1, 0666)));
        request.fds.emplace_back(fsd::first_socket + static_cast<int>(i), listeners.back().get());
    }
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        const MountSources::Source& source = sources.sources[i];
        request.binds.push_back({.source = source.path,
                                 .target = fsd::source_path(i),
                                 .writable = !mounts[i].read_only,
                                 .submounts = !source.file,
                                 .same_as = source.fd.get()});
        request.argv.push_back(
            fsd::to_argument(describe(mounts[i], mount_place(i, mounts.size()), source.file)));
    }
    return Helper{.step = "mount",
                  .number = launch_fd_fs,
                  .process = static_cast<Child>(MSB_TRY(jail::spawn(request))),
                  .lifeline = std::move(lifeline[1])};
}

} // namespace msb
