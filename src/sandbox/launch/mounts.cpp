#include "sandbox/launch/mounts.hpp"

#include "base/system.hpp"
#include "sandbox/volumes/disk_lock.hpp"
#include "sandbox/volumes/volumes.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb {

namespace {

/// Links on the way may have been put there by a guest or a runtime.
Result<OwnedFd> open_image(const std::string& path, bool read_only, DiskFormat format) {
    open_how how{};
    how.flags = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;
    how.resolve = RESOLVE_NO_SYMLINKS;
    OwnedFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how))));
    if (!fd)
        return fail_errno("open", path);
    const struct stat info = MSB_TRY(sys::fstat(fd.get()));
    if (!S_ISREG(info.st_mode))
        return fail(ErrorKind::invalid_argument, "'" + path + "' is not a regular file");
    if (format == DiskFormat::raw && (info.st_size == 0 || info.st_size % 512 != 0))
        return fail(ErrorKind::invalid_argument,
                    "'" + path + "' is no disk: its size is not a multiple of 512 bytes");
    return fd;
}

/// The path behind a mount that msb itself keeps.
Result<std::string> storage_path(const Home& home, const SandboxSpec& spec, const Mount& mount) {
    // The way to the home may lead through links; what is below is not trusted to.
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(home.root().c_str(), nullptr),
                                                      std::free);
    if (!real)
        return fail_errno("realpath", home.root());
    const Home real_home(real.get());
    if (mount.kind == MountKind::named)
        return MSB_TRY(Volumes(real_home).open(mount.source)).path();
    const SandboxFiles files{real_home.sandbox(spec.name)};
    return files.owned(mount.guest, mount.volume.kind == VolumeKind::disk);
}

} // namespace

Result<UsersDisk> open_users_disk(const Home& home, const std::string& path, bool read_only,
                                  DiskFormat format) {
    OwnedFd file = MSB_TRY(open_image(path, read_only, format));
    OwnedFd lock = MSB_TRY(lock_disk(home, file.get(), path, read_only));
    return UsersDisk{std::move(file), std::move(lock)};
}

Result<MountPlan> MountPlan::make(const Home& home, const SandboxSpec& spec) {
    MountPlan plan;
    const auto add_disk = [&](const Mount& mount, const std::string& path) -> Status {
        const std::string tag = disk_tag(plan.raw_disks.size() + plan.formatted_disks.size());
        auto [fd, lock] = MSB_TRY(open_users_disk(home, path, mount.read_only, mount.format));
        plan.locks.push_back(std::move(lock));
        const bool raw = mount.format == DiskFormat::raw;
        plan.backings.push_back(
            {raw ? MountBacking::Kind::disk : MountBacking::Kind::formatted_disk, tag, {}});
        if (raw)
            plan.raw_disks.push_back(std::move(fd));
        else
            plan.formatted_disks.push_back(
                {tag, path, mount.format, mount.read_only, std::move(fd)});
        return {};
    };
    for (const Mount& mount : spec.mounts) {
        if (mount.kind == MountKind::tmpfs) {
            plan.backings.push_back({MountBacking::Kind::memory, {}, {}});
            continue;
        }
        const bool ours = mount.kind == MountKind::named || mount.kind == MountKind::owned;
        const std::string path =
            ours ? MSB_TRY_WRAP(storage_path(home, spec, mount), "cannot mount on " + mount.guest)
                 : mount.source;
        if (!mount.is_shared()) {
            MSB_TRY_WRAP(add_disk(mount, path), "cannot mount on " + mount.guest);
            continue;
        }
        plan.backings.push_back({MountBacking::Kind::directory, {}});
        plan.shared.push_back(mount);
        plan.shared.back().source = path;
        if (ours) // nothing of the user's is at stake: only what was said bounds it
            plan.shared.back().quota = {mount.volume.quota_mib.value_or(0),
                                        mount.quota.inodes.value_or(0)};
    }
    plan.sources = MSB_TRY(MountSources::open(plan.shared));
    std::size_t next = 0;
    for (MountBacking& backing : plan.backings) {
        if (backing.kind != MountBacking::Kind::directory)
            continue;
        const MountPlace place = mount_place(next, plan.shared.size());
        backing.tag = mount_tag(place.device);
        backing.directory = place.directory;
        if (plan.sources.sources[next++].file)
            backing.kind = MountBacking::Kind::file;
    }
    return plan;
}

} // namespace msb
