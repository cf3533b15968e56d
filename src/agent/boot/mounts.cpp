#include "agent/boot/mounts.hpp"

#include "agent/boot/made.hpp"
#include "agent/boot/root.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace msb::agent {

namespace {

/// Where the share of a single file is mounted while the file is bound to its place.
constexpr const char* staging = "/run/.msb-share";

struct Share {
    std::string tag;
    std::string filename; ///< empty: a directory
    std::string path;
    wire::MountFlags flags;
};

unsigned long mount_flags(const wire::MountFlags& flags, bool restricted) {
    unsigned long bits = MS_RELATIME;
    if (flags.readonly)
        bits |= MS_RDONLY;
    if (flags.noexec)
        bits |= MS_NOEXEC;
    if (flags.nosuid || restricted)
        bits |= MS_NOSUID;
    if (flags.nodev || restricted)
        bits |= MS_NODEV;
    return bits;
}

Status check(const std::vector<Share>& shares) {
    std::set<std::string_view> paths;
    for (const Share& share : shares) {
        if (!share.path.starts_with('/') || share.path == "/" ||
            share.path.find("/..") != std::string::npos || !paths.insert(share.path).second)
            return fail(ErrorKind::invalid_argument, "'" + share.path + "' cannot be mounted on");
        if (share.filename.find('/') != std::string::npos)
            return fail(ErrorKind::invalid_argument, "bad name of a shared file");
        for (const Share& above : shares)
            if (!above.filename.empty() && share.path.starts_with(above.path + "/"))
                return fail(ErrorKind::invalid_argument,
                            "'" + share.path + "' lies below a file that is mounted");
    }
    return {};
}

Status make_file(const std::string& path) {
    if (exists(path))
        return {};
    if (const auto slash = path.rfind('/'); slash > 0)
        MSB_TRY(make_own_directories(path.substr(0, slash)));
    mark_made(MSB_TRY(sys::open(path, O_WRONLY | O_CREAT)).get());
    return {};
}

/// Binds the file to its place; afterwards no path leads to the share itself.
Status mount_file(const Share& share, unsigned long flags) {
    MSB_TRY(mount_at(share.tag.c_str(), staging, "virtiofs", flags));
    const auto bind = [&]() -> Status {
        MSB_TRY(make_file(share.path));
        const std::string source = std::string(staging) + "/" + share.filename;
        if (::mount(source.c_str(), share.path.c_str(), nullptr, MS_BIND, nullptr) == -1 ||
            ::mount(nullptr, share.path.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) ==
                -1)
            return fail_errno("mount", share.path);
        return {};
    };
    const Status bound = bind();
    ::umount2(staging, MNT_DETACH);
    ::rmdir(staging);
    return bound;
}

Status mount_share(const Share& share, unsigned long flags) {
    if (!share.filename.empty())
        return mount_file(share, flags);
    struct stat info{};
    if (::stat(share.path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode))
        return fail(Error::from_errno(ENOTDIR, "mount", share.path));
    return mount_at(share.tag.c_str(), share.path, "virtiofs", flags);
}

} // namespace

Status mount_shares(const wire::Bootstrap& bootstrap) {
    std::vector<Share> shares;
    shares.reserve(bootstrap.dir_mounts.size() + bootstrap.file_mounts.size());
    for (const wire::DirMount& mount : bootstrap.dir_mounts)
        shares.push_back({mount.tag, {}, mount.guest_path, mount.flags});
    for (const wire::FileMount& mount : bootstrap.file_mounts)
        shares.push_back({mount.tag, mount.filename, mount.guest_path, mount.flags});
    MSB_TRY(check(shares));
    std::ranges::sort(shares, {},
                      [](const Share& share) { return std::ranges::count(share.path, '/'); });
    const bool restricted = bootstrap.security_profile == wire::SecurityProfile::restricted;
    for (const Share& share : shares)
        MSB_TRY(mount_share(share, mount_flags(share.flags, restricted)));
    return {};
}

} // namespace msb::agent
