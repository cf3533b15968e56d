#include "sandbox/owned_storage.hpp"

#include "base/file.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "disk/ext4.hpp"
#include "sandbox/disk_copy.hpp"
#include "sandbox/volumes/tree.hpp"
#include "spec/files.hpp"
#include "tar/extract.hpp"
#include "tar/fd_stream.hpp"
#include "tar/pack.hpp"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

namespace msb {

namespace {

bool is_disk(const Mount& mount) {
    return mount.volume.kind == VolumeKind::disk;
}

std::string place_of(const Home& home, const std::string& sandbox, const Mount& mount) {
    return SandboxFiles{home.sandbox(sandbox)}.owned(mount.guest, is_disk(mount));
}

/// `progress` has to outlive what is done with it.
std::function<Status()> watched(const disk::Watch& watch, const TreeProgress& progress) {
    return [&]() -> Status {
        return watch && watch(progress.bytes, 0) ? fail(ErrorKind::cancelled, "cancelled")
                                                 : Status();
    };
}

/// Owner, mode and device number that the guest gave a file are in attributes that only we may write.
/// They come from the disk of another guest, and are for the one that has the rest of that guest's root.
Status unpack_directory(const std::string& archive, const std::string& directory,
                        const disk::Watch& watch) {
    const OwnedFd file = MSB_TRY(open_disk(archive));
    const OwnedFd into = MSB_TRY(sys::open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    FdSource source(file.get());
    TreeProgress progress;
    progress.tick = watched(watch, progress);
    MSB_TRY(extract_tree(into.get(), {.own_xattrs = true}, source, progress));
    // A call for each file would wait for the disk as often.
    if (::syncfs(into.get()) == -1)
        return fail_errno("syncfs", directory);
    return {};
}

Status pack_directory(const std::string& directory, const std::string& archive,
                      const disk::Watch& watch) {
    const OwnedFd file = MSB_TRY(sys::open(archive, O_WRONLY | O_CREAT | O_EXCL, 0600));
    FdSink sink(file.get());
    TreeProgress progress;
    progress.tick = watched(watch, progress);
    return pack_tree(directory, {.name = ".", .own_xattrs = true}, sink, progress);
}

Status make(const Home& home, const std::string& path, const Mount& mount,
            const std::string& origin, const disk::Watch& watch) {
    MSB_TRY(make_directories(parent_of(path), 0700));
    if (is_disk(mount) && !origin.empty())
        return disk::clone_file(origin, path);
    if (is_disk(mount))
        return disk::create_disk(home.root(), path,
                                 {.size = *mount.volume.size_mib * mib, .overlay = false});
    MSB_TRY(make_directories(path, 0755));
    if (origin.empty())
        return {};
    const bool directory = S_ISDIR(MSB_TRY(sys::lstat(origin)).st_mode);
    return directory ? copy_tree(origin, path, watch) : unpack_directory(origin, path, watch);
}

Status copy_disk_file(const std::string& from, const std::string& to, const disk::Watch& watch) {
    const OwnedFd disk = MSB_TRY(open_disk(from));
    const OwnedFd copy = MSB_TRY(sys::open(to, O_RDWR | O_CREAT | O_EXCL, 0600));
    return disk::copy_sparse(disk.get(), copy.get(), watch);
}

} // namespace

bool has_owned_storage(const SandboxSpec& spec) {
    return std::ranges::any_of(spec.mounts,
                               [](const Mount& mount) { return mount.kind == MountKind::owned; });
}

StorageOrigins owned_storage_of(const Home& home, const SandboxSpec& sandbox) {
    StorageOrigins origins;
    for (const Mount& mount : sandbox.mounts)
        if (mount.kind == MountKind::owned)
            origins[mount.guest] = place_of(home, sandbox.name, mount);
    return origins;
}

Status make_owned_storage(const Home& home, const SandboxSpec& spec, const StorageOrigins& origins,
                          const disk::Watch& watch) {
    for (const Mount& mount : spec.mounts) {
        if (mount.kind != MountKind::owned)
            continue;
        const auto origin = origins.find(mount.guest);
        MSB_TRY_WRAP(make(home, place_of(home, spec.name, mount), mount,
                          origin == origins.end() ? std::string() : origin->second, watch),
                     "its own storage at " + mount.guest);
    }
    return {};
}

Result<std::vector<SnapshotStorage>> keep_owned_storage(const Home& home,
                                                        const SandboxSpec& sandbox,
                                                        const std::string& directory,
                                                        const disk::Watch& watch) {
    std::vector<SnapshotStorage> kept;
    for (const Mount& mount : sandbox.mounts) {
        if (mount.kind != MountKind::owned)
            continue;
        const std::string file =
            "owned-" + std::to_string(kept.size() + 1) + (is_disk(mount) ? ".ext4" : ".tar");
        const std::string to = directory + "/" + file;
        const std::string from = place_of(home, sandbox.name, mount);
        MSB_TRY_WRAP(is_disk(mount) ? copy_disk_file(from, to, watch)
                                    : pack_directory(from, to, watch),
                     "its own storage at " + mount.guest);
        const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::lstat(to)).st_size);
        kept.push_back({mount, {file, size, {}}});
    }
    return kept;
}

} // namespace msb
