#include "agent/boot/root.hpp"

#include "agent/boot/made.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace msb::agent {

namespace {

constexpr auto device_timeout = std::chrono::seconds(2); ///< for a disk to appear
constexpr auto device_pause = std::chrono::milliseconds(2);

/// Mount points of the parts, in the initramfs; hidden once the root is in place.
constexpr const char* lower_point = "/lower";
constexpr const char* upper_point = "/upper";
constexpr const char* root_point = "/newroot";

/// EXT4_IOC_SHUTDOWN, which has no public header. 0: everything is written and the journal emptied
/// first; 2: not even the journal is written.
constexpr unsigned long shutdown_request = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t shutdown_after_sync = 0;
constexpr std::uint32_t shutdown_without_log = 2;
/// EXT4_IOC_RESIZE_FS; takes the number of blocks.
constexpr unsigned long resize_request = _IOW('f', 16, std::uint64_t);
constexpr std::uint64_t upper_block_size = 4096; ///< the host formats it

Status mount_device(const std::string& device, const char* target, const char* type,
                    unsigned long flags, const char* options) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + device_timeout;
    for (;;) {
        Status mounted = mount_at(device.c_str(), target, type, flags, options);
        const bool missing = !mounted && (mounted.error().sys_errno() == ENOENT ||
                                          mounted.error().sys_errno() == ENXIO);
        if (!missing || Clock::now() >= deadline)
            return mounted;
        std::this_thread::sleep_for(device_pause);
    }
}

Status make_directory(const char* path) {
    if (::mkdir(path, 0755) == -1 && errno != EEXIST)
        return fail_errno("mkdir", path);
    return {};
}

/// Tries every file system of the kernel that lives on a device.
Status mount_any(const std::string& device, const char* target) {
    MSB_TRY(mount_at("proc", "/proc", "proc", 0));
    Status last =
        fail(ErrorKind::unsupported, "the kernel has no file system for '" + device + "'");
    for (const std::string& type : MSB_TRY(known_file_systems())) {
        last = mount_device(device, target, type.c_str(), 0, nullptr);
        if (last)
            break;
    }
    ::umount2("/proc", MNT_DETACH);
    return last;
}

/// Costs a look if it has that size.
Status resize_upper(int directory, std::uint64_t size_mib) {
    const std::uint64_t blocks = (size_mib << 20) / upper_block_size;
    if (::ioctl(directory, resize_request, &blocks) == -1)
        return fail_errno("ioctl(EXT4_IOC_RESIZE_FS)", upper_point);
    return {};
}

Status grow_mounted(std::uint64_t size_mib) {
    return resize_upper(MSB_TRY(sys::open(upper_point, O_RDONLY | O_DIRECTORY)).get(), size_mib);
}

Status mount_upper(const wire::RootUpper& upper) {
    if (upper.kind == wire::UpperKind::tmpfs) {
        std::string options = "mode=755";
        if (upper.size_mib)
            options += ",size=" + std::to_string(*upper.size_mib) + "m";
        return mount_at("tmpfs", upper_point, "tmpfs", 0, options.c_str());
    }
    if (!upper.device)
        return fail(ErrorKind::invalid_argument, "the upper names no device");
    MSB_TRY(mount_device(*upper.device, upper_point, upper.fstype.value_or("ext4").c_str(), 0,
                         nullptr));
    return upper.size_mib ? grow_mounted(*upper.size_mib) : Status();
}

Status mount_overlay(const wire::BlockRoot& root, bool ephemeral) {
    if (!root.upper)
        return fail(ErrorKind::invalid_argument, "an overlay root needs an upper");
    MSB_TRY(mount_upper(*root.upper));
    const std::string upper = std::string(upper_point) + "/upper";
    const std::string work = std::string(upper_point) + "/work";
    MSB_TRY(make_directory(upper.c_str()));
    MSB_TRY(make_directory(work.c_str()));
    // redirect_dir: directories of the image can be renamed; metacopy: chmod and chown do not copy
    // file contents; xino: one device number and stable inode numbers for the whole tree.
    std::string options = std::string("lowerdir=") + lower_point + ",upperdir=" + upper +
                          ",workdir=" + work + ",redirect_dir=on,metacopy=on,xino=auto,index=on";
    if (ephemeral)
        options += ",volatile"; // nothing is kept, so sync costs nothing
    MSB_TRY(mount_at("overlay", root_point, "overlay", 0, options.c_str()));
    return {};
}

Status mount_disk(const wire::BlockRoot& root) {
    if (!root.device)
        return fail(ErrorKind::invalid_argument, "a disk root names no device");
    // It takes the place of an upper: what is done with that, when it ends, is done with it.
    if (root.fstype)
        MSB_TRY(mount_device(*root.device, upper_point, root.fstype->c_str(), 0, nullptr));
    else
        MSB_TRY(mount_any(*root.device, upper_point));
    if (root.size_mib)
        MSB_TRY(grow_mounted(*root.size_mib));
    return mount_at(upper_point, root_point, nullptr, MS_BIND);
}

} // namespace

Status mount_at(const char* source, const std::string& target, const char* type,
                unsigned long flags, const char* options) {
    for (bool made = false;; made = true) {
        if (::mount(source, target.c_str(), type, flags, options) == 0 || errno == EBUSY)
            return {};
        const int reason = errno;
        // ENOENT is a missing target or a missing device.
        if (reason != ENOENT || made || exists(target))
            return fail(
                Error::from_errno(reason, "mount", std::string(source) + "' on '" + target));
        MSB_TRY(make_own_directories(target));
    }
}

Result<std::vector<std::string>> known_file_systems() {
    std::vector<std::string> types;
    const std::string known = MSB_TRY(read_file("/proc/filesystems"));
    for (std::size_t at = 0; at < known.size();) {
        const std::size_t end = std::min(known.find('\n', at), known.size());
        const std::string line = known.substr(at, end - at);
        at = end + 1;
        if (line.starts_with('\t') && line.size() > 1) // the others are "nodev"
            types.push_back(line.substr(1));
    }
    return types;
}

Status shut_down(int directory) {
    if (::ioctl(directory, shutdown_request, &shutdown_after_sync) == -1)
        return fail_errno("ioctl(EXT4_IOC_SHUTDOWN)");
    return {};
}

Status mount_image(const wire::BlockRoot& root) {
    if (root.kind != wire::RootKind::oci_erofs)
        return mount_disk(root);
    if (!root.lower)
        return fail(ErrorKind::invalid_argument, "an overlay root needs a lower");
    return mount_device(*root.lower, lower_point, "erofs", MS_RDONLY, nullptr);
}

Result<OwnedFd> assemble_root(const wire::BlockRoot& root, bool ephemeral) {
    if (root.kind == wire::RootKind::oci_erofs)
        MSB_TRY(mount_overlay(root, ephemeral));
    OwnedFd initramfs = MSB_TRY(sys::open("/", O_PATH | O_DIRECTORY));
    if (::chdir(root_point) == -1)
        return fail_errno("chdir", root_point);
    if (::mount(".", "/", nullptr, MS_MOVE, nullptr) == -1)
        return fail_errno("mount(MS_MOVE)", "/");
    if (::chroot(".") == -1 || ::chdir("/") == -1)
        return fail_errno("chroot", root_point);
    return initramfs;
}

Status mount_system() {
    constexpr unsigned long plain = MS_NOSUID | MS_NOEXEC | MS_NODEV;
    MSB_TRY(mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID));
    MSB_TRY(mount_at("proc", "/proc", "proc", plain));
    MSB_TRY(mount_at("sysfs", "/sys", "sysfs", plain));
    MSB_TRY(mount_at("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                     "newinstance,ptmxmode=0666,mode=620,gid=5"));
    MSB_TRY(mount_at("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"));
    // A small kernel may be built without these.
    (void)mount_at("mqueue", "/dev/mqueue", "mqueue", plain);
    (void)mount_at("cgroup2", "/sys/fs/cgroup", "cgroup2", plain);
    static constexpr std::pair<const char*, const char*> links[] = {
        {"/proc/self/fd", "/dev/fd"},
        {"/proc/self/fd/0", "/dev/stdin"},
        {"/proc/self/fd/1", "/dev/stdout"},
        {"/proc/self/fd/2", "/dev/stderr"},
    };
    for (const auto& [to, path] : links)
        if (::symlink(to, path) == -1 && errno != EEXIST)
            return fail_errno("symlink", path);
    return {};
}

namespace {

/// The directory is world-writable with the sticky bit, as every program that makes temporary
/// files expects. A symbolic link in its place is the image's own choice.
Status make_temporary(const char* path) {
    struct stat info{};
    if (::lstat(path, &info) == -1) {
        MSB_TRY(make_own_directories(path));
    } else if (!S_ISDIR(info.st_mode) || (info.st_mode & 07777) == 01777) {
        return {};
    }
    if (::chmod(path, 01777) == -1)
        return fail_errno("chmod", path);
    mark_made(MSB_TRY(sys::open(path, O_RDONLY | O_DIRECTORY)).get());
    return {};
}

} // namespace

Status mount_writable(const wire::Bootstrap& bootstrap) {
    // An init expects what it would find on a machine. Without one it is as in a container: what
    // the image and its commands put there stays.
    if (bootstrap.handoff_init)
        MSB_TRY(mount_at("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"));
    else
        MSB_TRY(make_own_directories("/run"));
    MSB_TRY(make_temporary("/tmp"));
    return make_temporary("/var/tmp");
}

Result<OwnedFd> open_upper(int initramfs) {
    return sys::open_at(initramfs, upper_point + 1, O_RDONLY | O_DIRECTORY);
}

namespace {

/// A node of its own, because /dev and /sys are the guest's.
Result<OwnedFd> open_device(int initramfs, dev_t device) {
    constexpr const char* node = "root-disk";
    if (::mknodat(initramfs, node, S_IFBLK | 0400, device) == -1 && errno != EEXIST)
        return fail_errno("mknod", node);
    return sys::open_at(initramfs, node, O_RDONLY);
}

/// The kernel hears of a disk's new size some time after the agent does.
Status wait_for_size(int device, std::uint64_t bytes) {
    const auto deadline = std::chrono::steady_clock::now() + device_timeout;
    for (;;) {
        std::uint64_t size = 0;
        if (::ioctl(device, BLKGETSIZE64, &size) == -1)
            return fail_errno("ioctl(BLKGETSIZE64)");
        if (size >= bytes)
            return {};
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorKind::timed_out, "the guest's kernel does not see the disk grow");
        std::this_thread::sleep_for(device_pause);
    }
}

} // namespace

Status grow_upper(int initramfs, std::uint64_t size_mib) {
    const OwnedFd upper = MSB_TRY(open_upper(initramfs));
    const OwnedFd device = MSB_TRY(open_device(initramfs, MSB_TRY(sys::fstat(upper.get())).st_dev));
    MSB_TRY(wait_for_size(device.get(), size_mib << 20));
    return resize_upper(upper.get(), size_mib);
}

namespace {
Status shut_down_upper(int initramfs, std::uint32_t how) {
    const auto upper = MSB_TRY(open_upper(initramfs));
    if (::ioctl(upper.get(), shutdown_request, &how) == -1)
        return fail_errno("ioctl(EXT4_IOC_SHUTDOWN)", upper_point);
    return {};
}

/// Unmounting alone is not enough: while a loop device or a stuck thread still uses the root it
/// succeeds without writing anything, and the file system stays mounted where nobody sees it.
void make_clean(int initramfs) {
    if (::mount(nullptr, upper_point, nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == -1 &&
        !shut_down_upper(initramfs, shutdown_after_sync)) // a file is open for writing
        ::sync();
}

} // namespace

Status save_root(int initramfs) {
    // Detaching unmounts everything below as well and does not wait; leaving the directory drops
    // the last use.
    if (::umount2("/", MNT_DETACH) == -1)
        return fail_errno("umount", "/");
    if (::fchdir(initramfs) == -1 || ::chroot(".") == -1)
        return fail_errno("chroot", "initramfs");
    make_clean(initramfs);
    for (const char* point : {upper_point, lower_point})
        if (::umount2(point, 0) == -1 && errno != EINVAL && errno != ENOENT)
            return fail_errno("umount", point);
    return {};
}

Status freeze_root(int initramfs) {
    ::sync(); // also what is not the upper
    return shut_down_upper(initramfs, shutdown_after_sync);
}

void discard_root(int initramfs) {
    (void)shut_down_upper(initramfs, shutdown_without_log);
}

} // namespace msb::agent
