#include "agent/boot/mounts.hpp"

#include "agent/boot/made.hpp"
#include "agent/boot/root.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace msb::agent {

namespace {

/// Where a device is mounted while what it has is bound to its place.
constexpr const char* staging = "/run/.msb-share";
constexpr auto disk_timeout = std::chrono::seconds(5); ///< for a disk to appear
constexpr auto disk_pause = std::chrono::milliseconds(5);

/// One mount, of any kind.
struct Asked {
    enum class Kind { directory, file, disk, memory } kind = Kind::directory;
    std::string tag;                   ///< of the share; serial number or path of the disk
    std::string directory;             ///< of the device, that is the share; empty: all of it
    std::string filename;              ///< of a file in its share
    std::string path;                  ///< in the guest
    std::optional<std::string> fstype; ///< of a disk
    std::string options;               ///< of a file system in memory
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

Status check(const std::vector<Asked>& mounts) {
    std::set<std::string_view> paths;
    for (const Asked& asked : mounts) {
        if (!asked.path.starts_with('/') || asked.path == "/" ||
            asked.path.find("/..") != std::string::npos || !paths.insert(asked.path).second)
            return fail(ErrorKind::invalid_argument, "'" + asked.path + "' cannot be mounted on");
        if ((asked.directory + asked.filename).find('/') != std::string::npos)
            return fail(ErrorKind::invalid_argument, "bad name of a shared file");
        for (const Asked& above : mounts)
            if (above.kind == Asked::Kind::file && asked.path.starts_with(above.path + "/"))
                return fail(ErrorKind::invalid_argument,
                            "'" + asked.path + "' lies below a file that is mounted");
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

/// Where a sequential read asks for so much ahead, a message to the host carries four times of what the kernel
/// would have it carry, and costs little more.
constexpr const char* share_read_ahead_kib = "512";

Status mount_share(const std::string& tag, const std::string& path, unsigned long flags) {
    MSB_TRY(mount_at(tag.c_str(), path, "virtiofs", flags));
    struct stat info{};
    if (::stat(path.c_str(), &info) == -1)
        return {}; // slower, and no worse
    const std::string setting = "/sys/class/bdi/" + std::to_string(::major(info.st_dev)) + ":" +
                                std::to_string(::minor(info.st_dev)) + "/read_ahead_kb";
    if (const auto file = sys::open(setting, O_WRONLY))
        (void)!::write(file->get(), share_read_ahead_kib, std::strlen(share_read_ahead_kib));
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

    Result<std::string> source_of(const Asked& share) {
        std::string path = std::string(staging) + "/" + share.tag;
        if (std::ranges::find(paths_, path) == paths_.end()) {
            MSB_TRY(mount_share(share.tag, path, 0));
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

/// Binds a part of a device to its place.
Status mount_part(const Asked& share, const std::string& source, unsigned long flags) {
    if (share.kind == Asked::Kind::file)
        MSB_TRY(make_file(share.path));
    else
        MSB_TRY(make_directories(share.path));
    if (::mount(source.c_str(), share.path.c_str(), nullptr, MS_BIND, nullptr) == -1 ||
        ::mount(nullptr, share.path.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) == -1)
        return fail_errno("mount", share.path);
    return {};
}

/// The block device with a serial number; it may still be on its way.
Result<std::string> find_disk(const std::string& serial) {
    if (serial.starts_with("/dev/"))
        return serial;
    const auto deadline = std::chrono::steady_clock::now() + disk_timeout;
    for (;;) {
        const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/sys/block"), ::closedir);
        while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
            const std::string name = entry->d_name;
            const auto text = read_file("/sys/block/" + name + "/serial", 64);
            const auto end = text ? text->find_last_not_of('\n') : std::string::npos;
            if (end != std::string::npos && text->substr(0, end + 1) == serial)
                return "/dev/" + name;
        }
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(ErrorKind::not_found, "there is no disk '" + serial + "'");
        std::this_thread::sleep_for(disk_pause);
    }
}

/// A journal cannot be played back on a disk that cannot be written.
const char* options_of(const std::string& type, const wire::MountFlags& flags) {
    return flags.readonly && type.starts_with("ext") ? "noload" : nullptr;
}

Status mount_disk(const Asked& disk, unsigned long flags) {
    const std::string device = MSB_TRY(find_disk(disk.tag));
    std::vector<std::string> types;
    if (disk.fstype)
        types.push_back(*disk.fstype);
    else
        types = MSB_TRY(known_file_systems());
    Status last = fail(ErrorKind::unsupported, "the kernel has no file system for disks");
    for (const std::string& type : types) {
        last =
            mount_at(device.c_str(), disk.path, type.c_str(), flags, options_of(type, disk.flags));
        if (last)
            return {};
    }
    if (disk.fstype)
        return last;
    return fail(Error(std::move(last).error())
                    .wrap("no file system of this kernel is on the disk for " + disk.path));
}

Status mount_one(const Asked& asked, Staged& staged, unsigned long flags) {
    struct stat info{};
    if (asked.kind != Asked::Kind::file && ::stat(asked.path.c_str(), &info) == 0 &&
        !S_ISDIR(info.st_mode))
        return fail(Error::from_errno(ENOTDIR, "mount", asked.path));
    switch (asked.kind) {
    case Asked::Kind::directory:
        if (asked.directory.empty())
            return mount_share(asked.tag, asked.path, flags);
        [[fallthrough]];
    case Asked::Kind::file: return mount_part(asked, MSB_TRY(staged.source_of(asked)), flags);
    case Asked::Kind::disk: return mount_disk(asked, flags);
    case Asked::Kind::memory:
        return mount_at("tmpfs", asked.path, "tmpfs", flags, asked.options.c_str());
    }
    return {};
}

std::string memory_options(const wire::TmpfsMount& mount) {
    const bool temporary = mount.path == "/tmp" || mount.path == "/var/tmp";
    const std::uint32_t mode = mount.mode.value_or(temporary ? 01777 : 0755) & 07777;
    std::string options = "mode=";
    for (int shift = 9; shift >= 0; shift -= 3)
        options += static_cast<char>('0' + (mode >> shift & 7));
    if (mount.size_mib)
        options += ",size=" + std::to_string(*mount.size_mib) + "m";
    return options;
}

std::vector<Asked> all_of(const wire::Bootstrap& bootstrap) {
    std::vector<Asked> mounts;
    const auto add = [&](Asked::Kind kind, const std::string& path,
                         const wire::MountFlags& flags) -> Asked& {
        Asked& asked = mounts.emplace_back();
        asked.kind = kind;
        asked.path = path;
        asked.flags = flags;
        return asked;
    };
    for (const wire::DirMount& mount : bootstrap.dir_mounts) {
        Asked& asked = add(Asked::Kind::directory, mount.guest_path, mount.flags);
        asked.tag = mount.tag;
        asked.directory = mount.directory;
    }
    for (const wire::FileMount& mount : bootstrap.file_mounts) {
        Asked& asked = add(Asked::Kind::file, mount.guest_path, mount.flags);
        asked.tag = mount.tag;
        asked.directory = mount.directory;
        asked.filename = mount.filename;
    }
    for (const wire::DiskMount& mount : bootstrap.disk_mounts) {
        Asked& asked = add(Asked::Kind::disk, mount.guest_path, mount.flags);
        asked.tag = mount.id;
        asked.fstype = mount.fstype;
    }
    for (const wire::TmpfsMount& mount : bootstrap.tmpfs_mounts)
        add(Asked::Kind::memory, mount.path, mount.flags).options = memory_options(mount);
    return mounts;
}

/// The first two words of a line of /proc/mounts (proc(5)): spaces in them are "\\040".
std::pair<std::string_view, std::string> device_and_path(std::string_view line) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view device = line.substr(0, space);
    line.remove_prefix(std::min(space + 1, line.size()));
    std::string path;
    for (std::size_t i = 0; i < line.size() && line[i] != ' '; ++i) {
        const std::string digits(line.substr(i + 1, 3));
        unsigned code = 0;
        if (line[i] == '\\' && digits.size() == 3 &&
            std::from_chars(digits.data(), digits.data() + 3, code, 8).ec == std::errc{}) {
            path += static_cast<char>(code);
            i += 3;
        } else {
            path += line[i];
        }
    }
    return {device, std::move(path)};
}

/// The device that a directory is on; none if it cannot be had.
std::optional<dev_t> device_of(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 ? std::optional(info.st_dev) : std::nullopt;
}

} // namespace

Status mount_asked(const wire::Bootstrap& bootstrap) {
    std::vector<Asked> mounts = all_of(bootstrap);
    MSB_TRY(check(mounts));
    std::ranges::sort(mounts, {},
                      [](const Asked& asked) { return std::ranges::count(asked.path, '/'); });
    const bool restricted = bootstrap.security_profile == wire::SecurityProfile::restricted;
    Staged staged;
    for (const Asked& asked : mounts)
        MSB_TRY(mount_one(asked, staged, mount_flags(asked.flags, restricted)));
    return {};
}

void settle_disks(int initramfs) {
    const auto table = read_file("/proc/mounts");
    if (!table)
        return ::sync();
    std::set<dev_t> of_root;
    if (const auto root = device_of("/"))
        of_root.insert(*root);
    if (const auto upper = open_upper(initramfs))
        if (const auto info = sys::fstat(upper->get()))
            of_root.insert(info->st_dev);
    for (std::size_t at = 0; at < table->size();) {
        const std::size_t end = std::min(table->find('\n', at), table->size());
        const std::string_view line = std::string_view(*table).substr(at, end - at);
        at = end + 1;
        const auto [device, path] = device_and_path(line);
        const auto number = device_of(path);
        if (!device.starts_with("/dev/vd") || !number || of_root.contains(*number) ||
            ::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0)
            continue;
        // A file is open for writing.
        ::sync();
        if (const auto root = sys::open(path, O_RDONLY | O_DIRECTORY))
            (void)shut_down(root->get());
    }
}

} // namespace msb::agent
