#include "agent/boot/stores.hpp"

#include "agent/boot/made.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace msb::agent {

namespace {

constexpr const char* own_directory = "upper/stores"; ///< on the disk; see root.cpp

struct Store {
    const char* path;
    const char* name;                    ///< below own_directory
    std::array<const char*, 3> programs; ///< one of those uses it
};

// Docker brings containerd along.
constexpr Store stores[] = {
    {"/var/lib/docker", "docker", {"/usr/bin/containerd", "/usr/local/bin/containerd"}},
    {"/var/lib/containerd", "containerd", {"/usr/bin/containerd", "/usr/local/bin/containerd"}},
    {"/var/lib/containers",
     "containers",
     {"/usr/bin/podman", "/usr/bin/buildah", "/usr/local/bin/podman"}},
};

bool is_empty(const char* path) {
    DIR* directory = ::opendir(path);
    if (directory == nullptr)
        return false;
    bool empty = true;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string_view name = entry->d_name;
        empty = empty && (name == "." || name == "..");
    }
    ::closedir(directory);
    return empty;
}

bool has_program(const Store& store) {
    return std::ranges::any_of(store.programs, [](const char* program) {
        return program != nullptr && ::access(program, X_OK) == 0;
    });
}

/// The directory of the disk, with the mode and the owner that the image gave to the one it stands for.
Result<OwnedFd> open_store(int initramfs, const Store& store, const struct stat& like) {
    const std::string path = std::string(own_directory) + "/" + store.name;
    (void)::mkdirat(initramfs, own_directory, 0700);
    const bool made = ::mkdirat(initramfs, path.c_str(), 0755) == 0;
    OwnedFd directory = MSB_TRY(sys::open_at(initramfs, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (made && (::fchown(directory.get(), like.st_uid, like.st_gid) == -1 ||
                 ::fchmod(directory.get(), like.st_mode & 07777) == -1))
        return fail_errno("chmod", path);
    return directory;
}

Status mount_store(int initramfs, const Store& store) {
    struct stat info{};
    if (::lstat(store.path, &info) == -1) {
        if (!has_program(store))
            return {};
        MSB_TRY(make_own_directories(store.path));
        if (::lstat(store.path, &info) == -1)
            return fail_errno("lstat", store.path);
    }
    // A link leads to where the image wants it instead.
    if (!S_ISDIR(info.st_mode) || !is_empty(store.path))
        return {};
    const OwnedFd directory = MSB_TRY(open_store(initramfs, store, info));
    const std::string source = "/proc/self/fd/" + std::to_string(directory.get());
    if (::mount(source.c_str(), store.path, nullptr, MS_BIND, nullptr) == -1)
        return fail_errno("mount", store.path);
    return {};
}

} // namespace

void mount_stores(int initramfs) {
    for (const Store& store : stores)
        (void)mount_store(initramfs, store); // without, an engine uses a slower way
}

} // namespace msb::agent
