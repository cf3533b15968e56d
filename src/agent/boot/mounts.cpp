#include "agent/boot/mounts.hpp"

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

/// Where a device is mounted while what it has is bound to its place.
constexpr const char* staging = "/run/.msb-share";

struct Share {
    std::string tag;
    std::string directory; ///< of the device; empty: all of it
    std::string filename;  ///< empty: a directory
    std::string path;
    wire::MountFlags flags;

    /// Not the device's whole file system.
    bool is_part() const { return !directory.empty() || !filename.empty(); }
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
        if ((share.filename + share.directory).find('/') != std::string::npos)
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
        MSB_TRY(make_directories(path.substr(0, slash)));
    MSB_TRY(sys::open(path, O_WRONLY | O_CREAT));
    return {};
}

/// Devices of which parts are mounted. When it ends, no path leads to them any more.
class Staged {
  public:
    Staged() = default;
    Staged(const Staged&) = delete;
    Staged& operator=(const Staged&) = delete;
    ~Staged() {
        for (const std::string& path : paths_) {
            ::umount2(path.c_str(), MNT_DETACH);
            ::rmdir(path.c_str());
        }
        ::rmdir(staging);
    }

    Result<std::string> source_of(const Share& share) {
        std::string path = std::string(staging) + "/" + share.tag;
        if (std::ranges::find(paths_, path) == paths_.end()) {
            MSB_TRY(mount_at(share.tag.c_str(), path, "virtiofs", 0));
            paths_.push_back(path);
        }
        for (const std::string& name : {share.directory, share.filename})
            if (!name.empty())
                path.append("/").append(name);
        return path;
    }

  private:
    std::vector<std::string> paths_;
};

Status bind_part(const Share& share, const std::string& source, unsigned long flags) {
    if (share.filename.empty())
        MSB_TRY(make_directories(share.path));
    else
        MSB_TRY(make_file(share.path));
    if (::mount(source.c_str(), share.path.c_str(), nullptr, MS_BIND, nullptr) == -1 ||
        ::mount(nullptr, share.path.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) == -1)
        return fail_errno("mount", share.path);
    return {};
}

Status mount_share(const Share& share, Staged& staged, unsigned long flags) {
    struct stat info{};
    if (share.filename.empty() && ::stat(share.path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode))
        return fail(Error::from_errno(ENOTDIR, "mount", share.path));
    if (!share.is_part())
        return mount_at(share.tag.c_str(), share.path, "virtiofs", flags);
    return bind_part(share, MSB_TRY(staged.source_of(share)), flags);
}

} // namespace

Status mount_shares(const wire::Bootstrap& bootstrap) {
    std::vector<Share> shares;
    shares.reserve(bootstrap.dir_mounts.size() + bootstrap.file_mounts.size());
    for (const wire::DirMount& mount : bootstrap.dir_mounts)
        shares.push_back({mount.tag, mount.directory, {}, mount.guest_path, mount.flags});
    for (const wire::FileMount& mount : bootstrap.file_mounts)
        shares.push_back(
            {mount.tag, mount.directory, mount.filename, mount.guest_path, mount.flags});
    MSB_TRY(check(shares));
    std::ranges::sort(shares, {},
                      [](const Share& share) { return std::ranges::count(share.path, '/'); });
    const bool restricted = bootstrap.security_profile == wire::SecurityProfile::restricted;
    Staged staged;
    for (const Share& share : shares)
        MSB_TRY(mount_share(share, staged, mount_flags(share.flags, restricted)));
    return {};
}

} // namespace msb::agent
