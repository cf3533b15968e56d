#include "sandbox/snapshots.hpp"

#include "base/closest.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "disk/content_hash.hpp"
#include "disk/ext4_options.hpp"
#include "sandbox/disk_copy.hpp"
#include "sandbox/staging.hpp"
#include "spec/paths.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace msb {

namespace {

constexpr const char* manifest_name = "snapshot.json";
constexpr const char* old_manifest_name = "manifest.json";
/// Nothing changes a snapshot, so nothing needs to be able to.
constexpr mode_t file_mode = 0400;

std::unexpected<Error> not_found(const std::string& what) {
    return fail(ErrorKind::not_found, "snapshot not found: " + what);
}

Result<std::string> read_manifest(const std::string& directory) {
    auto text = read_regular_file(directory + "/" + manifest_name, max_snapshot_manifest_bytes + 1);
    if (!text && text.error().kind() == ErrorKind::not_found)
        text =
            read_regular_file(directory + "/" + old_manifest_name, max_snapshot_manifest_bytes + 1);
    return text;
}

std::vector<std::string> directories_in(const std::string& parent) {
    std::vector<std::string> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(parent.c_str()), ::closedir);
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr)
        if (entry->d_name[0] != '.')
            found.push_back(parent + "/" + entry->d_name);
    return found;
}

void sort_newest_first(std::vector<Snapshot>& snapshots) {
    std::ranges::sort(snapshots, [](const Snapshot& a, const Snapshot& b) {
        const auto time = [](const Snapshot& s) { return parse_rfc3339(s.manifest.created_at); };
        return time(a) != time(b) ? time(a) > time(b) : a.directory < b.directory;
    });
}

/// Makes a file that was copied durable, and hashes it if that was asked for.
Result<std::optional<SnapshotIntegrity>> settle(const std::string& path, std::uint64_t size,
                                                bool integrity, const disk::Watch& watch) {
    const OwnedFd file = MSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW));
    MSB_TRY(sys::fsync(file.get(), path));
    if (!integrity)
        return std::nullopt;
    return SnapshotIntegrity{std::string(disk::content_hash_algorithm),
                             MSB_TRY(disk::content_hash(file.get(), watch)), size,
                             disk::content_leaf_size};
}

SnapshotManifest describe(const SandboxSpec& spec, const SnapshotRequest& request) {
    SnapshotManifest manifest;
    manifest.created_at = snapshot_time(unix_time_ns());
    if (!spec.snapshot.empty())
        manifest.parent = spec.snapshot;
    manifest.image = spec.image;
    manifest.image_digest = spec.manifest_digest;
    manifest.source_sandbox = spec.name;
    manifest.labels = request.labels;
    if (spec.root_disk.kind == RootDisk::Kind::flat)
        manifest.set_flat();
    return manifest;
}

/// Whatever else lies at a path is not ours to replace.
Status check_place(const std::string& directory, bool force) {
    if (::access(directory.c_str(), F_OK) != 0)
        return {};
    const bool snapshot =
        exists(directory + "/" + manifest_name) || exists(directory + "/" + old_manifest_name);
    if (force && snapshot)
        return {};
    if (!snapshot)
        return fail(ErrorKind::already_exists, "'" + directory + "' exists and is no snapshot");
    return fail(Error(ErrorKind::already_exists, "snapshot already exists: " + directory)
                    .with_hint("choose another name, or use --force"));
}

Status compare_hash(const std::string& path, const SnapshotIntegrity& integrity,
                    const disk::Watch& watch) {
    if (integrity.algorithm != disk::content_hash_algorithm ||
        integrity.leaf_size != disk::content_leaf_size)
        return fail(ErrorKind::unsupported, "the snapshot's hash is of a kind that this msb does "
                                            "not know: " +
                                                integrity.algorithm);
    const auto broken = [&](const std::string& why) {
        return fail(ErrorKind::corrupt, "snapshot integrity check failed: '" + path + "' " + why);
    };
    const OwnedFd file = MSB_TRY(open_disk(path));
    const struct stat before = MSB_TRY(sys::fstat(file.get()));
    const std::string root = MSB_TRY(disk::content_hash(file.get(), watch));
    const struct stat after = MSB_TRY(sys::lstat(path));
    const auto same_time = [](const timespec& a, const timespec& b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
    };
    if (before.st_ino != after.st_ino || before.st_dev != after.st_dev ||
        before.st_size != after.st_size || !same_time(before.st_mtim, after.st_mtim) ||
        !same_time(before.st_ctim, after.st_ctim))
        return broken("changed while it was read");
    return root == integrity.root ? Status()
                                  : broken("has the hash " + root + ", not " + integrity.root);
}

} // namespace

bool is_snapshot_path(std::string_view text) {
    return text.find('/') != std::string_view::npos || text.starts_with('.') ||
           text.starts_with('~');
}

Result<std::string> Snapshots::directory_of(const std::string& name_or_path,
                                            const std::string& parent) const {
    if (is_snapshot_path(name_or_path))
        return absolute_path(name_or_path);
    MSB_TRY(validate_snapshot_name(name_or_path));
    return (parent.empty() ? home_.snapshots() : MSB_TRY(absolute_path(parent))) + "/" +
           name_or_path;
}

Result<std::string> Snapshots::place_for(const std::string& name_or_path, const std::string& parent,
                                         bool force) const {
    std::string directory = MSB_TRY(directory_of(name_or_path, parent));
    MSB_TRY(check_place(directory, force));
    return directory;
}

Result<Snapshot> Snapshots::create(Sandboxes& sandboxes, const SnapshotRequest& request,
                                   const disk::Watch& watch) {
    Staging::sweep(home_.snapshots());
    const std::string directory =
        MSB_TRY(place_for(request.name, request.directory, request.force));
    Staging staging = MSB_TRY(Staging::begin(directory));
    const std::string disk = staging.path() + "/" + SnapshotManifest().upper_file;
    const DiskCopy copy =
        MSB_TRY(copy_disk(sandboxes, request.sandbox, disk, request.copy_while_frozen, watch));
    auto storage = MSB_TRY(keep_owned_storage(home_, copy.spec, staging.path(), watch));
    SnapshotManifest manifest = describe(copy.spec, request);
    manifest.upper_size = copy.size;
    manifest.integrity = MSB_TRY(settle(disk, copy.size, request.integrity, watch));
    for (auto& [mount, payload] : storage)
        payload.integrity = MSB_TRY(
            settle(staging.path() + "/" + payload.file, payload.size, request.integrity, watch));
    if (!storage.empty())
        manifest.set_storage(storage);
    MSB_TRY(publish(staging, manifest, directory, request.force));
    return Snapshot{manifest, manifest.digest(), directory};
}

Status Snapshots::publish(Staging& staging, const SnapshotManifest& manifest,
                          const std::string& directory, bool replace) {
    const std::string text = manifest.to_json();
    (void)MSB_TRY(SnapshotManifest::from_json(text)); // nobody could open it otherwise
    for (const SnapshotPayload& payload : manifest.payloads())
        if (const std::string path = staging.path() + "/" + payload.file;
            ::chmod(path.c_str(), file_mode) == -1)
            return fail_errno("chmod", path);
    MSB_TRY(write_file_atomic(staging.path() + "/" + manifest_name, text, file_mode));
    MSB_TRY(staging.publish(replace));
    if (const Status known = catalogue_.put_snapshot(directory); !known)
        log::warn("snapshot '{}': {}", directory, known.error().to_string());
    return {};
}

Result<Snapshot> Snapshots::load(const std::string& directory) const {
    const auto damaged = [&](Error error) {
        return fail(std::move(error).wrap("snapshot '" + directory + "' is damaged"));
    };
    const auto text = read_manifest(directory);
    if (!text &&
        (text.error().kind() == ErrorKind::not_found || text.error().sys_errno() == ENOTDIR))
        return not_found(directory);
    if (!text)
        return damaged(text.error());
    auto manifest = SnapshotManifest::from_json(*text);
    if (!manifest && manifest.error().kind() == ErrorKind::unsupported)
        return fail(std::move(manifest).error().wrap("snapshot '" + directory + "'"));
    if (!manifest)
        return damaged(std::move(manifest).error().wrap("its descriptor"));
    Snapshot snapshot{std::move(*manifest), {}, directory};
    snapshot.digest = snapshot.manifest.digest();
    for (const SnapshotPayload& payload : snapshot.manifest.payloads()) {
        const auto file = sys::lstat(snapshot.path_of(payload));
        if (!file)
            return damaged(Error(file.error()).with_kind(ErrorKind::corrupt));
        if (!S_ISREG(file->st_mode) || static_cast<std::uint64_t>(file->st_size) != payload.size)
            return damaged(Error(ErrorKind::corrupt, "'" + payload.file + "' is not a file of " +
                                                         std::to_string(payload.size) + " bytes"));
    }
    return snapshot;
}

Result<Snapshot> Snapshots::find(const std::string& name_or_path) const {
    auto snapshot = load(MSB_TRY(directory_of(name_or_path, {})));
    if (snapshot || snapshot.error().kind() != ErrorKind::not_found ||
        is_snapshot_path(name_or_path))
        return snapshot;
    std::vector<std::string> names;
    for (const std::string& directory : directories_in(home_.snapshots()))
        names.push_back(directory.substr(directory.rfind('/') + 1));
    if (const auto meant = closest(name_or_path, names))
        return fail(Error(snapshot.error()).with_hint("did you mean '" + *meant + "'?"));
    return snapshot;
}

Result<Snapshot> Snapshots::open(const std::string& which) {
    if (is_snapshot_digest(which)) {
        for (Snapshot& snapshot : MSB_TRY(list()))
            if (snapshot.digest == which)
                return std::move(snapshot);
        return not_found(which);
    }
    Snapshot snapshot = MSB_TRY(find(which));
    // Those of the store are found anyway.
    if (is_snapshot_path(which))
        (void)catalogue_.put_snapshot(snapshot.directory);
    return snapshot;
}

void Snapshots::add_usable(std::vector<Snapshot>& to, const std::string& directory) {
    auto snapshot = load(directory);
    if (snapshot)
        to.push_back(std::move(*snapshot));
    else if (snapshot.error().kind() != ErrorKind::not_found)
        damaged_.push_back(snapshot.error());
}

Result<std::vector<Snapshot>> Snapshots::list() {
    Staging::sweep(home_.snapshots());
    damaged_.clear();
    std::set<std::string> directories;
    for (std::string& directory : directories_in(home_.snapshots()))
        directories.insert(std::move(directory));
    for (const std::string& directory : MSB_TRY(catalogue_.snapshots()))
        if (exists(directory))
            directories.insert(directory);
        else
            MSB_TRY(catalogue_.erase_snapshot(directory));
    std::vector<Snapshot> snapshots;
    for (const std::string& directory : directories)
        add_usable(snapshots, directory);
    sort_newest_first(snapshots);
    return snapshots;
}

std::vector<Snapshot> Snapshots::list_directory(const std::string& directory) {
    damaged_.clear();
    std::vector<Snapshot> snapshots;
    for (const std::string& entry : directories_in(directory))
        add_usable(snapshots, entry);
    sort_newest_first(snapshots);
    return snapshots;
}

Result<bool> Snapshots::verify(const Snapshot& snapshot, const disk::Watch& watch) const {
    const auto payloads = snapshot.manifest.payloads();
    if (!std::ranges::all_of(payloads, [](const auto& one) { return one.integrity.has_value(); }))
        return false;
    for (const SnapshotPayload& payload : payloads)
        MSB_TRY(compare_hash(snapshot.path_of(payload), *payload.integrity, watch));
    return true;
}

Status Snapshots::remove(const std::string& which, bool force) {
    std::vector<Snapshot> all = MSB_TRY(list());
    std::string directory;
    if (is_snapshot_digest(which)) {
        if (std::ranges::count(all, which, &Snapshot::digest) > 1)
            return fail(ErrorKind::invalid_argument,
                        "several directories hold snapshot " + which + ": name the one to remove");
        directory = MSB_TRY(open(which)).directory;
    } else {
        directory = MSB_TRY(directory_of(which, {}));
    }
    const auto found = is_snapshot_digest(which) ? load(directory) : find(which);
    if (!found && (found.error().kind() == ErrorKind::not_found || !force))
        return fail(found.error());
    if (found && !force)
        for (const Snapshot& other : all)
            if (other.manifest.parent == found->digest)
                return fail(Error(ErrorKind::busy, "snapshot '" + found->name() +
                                                       "' has children: '" + other.name() +
                                                       "' came from it")
                                .with_hint("remove those first, or use --force"));
    MSB_TRY(Staging::remove(directory));
    return catalogue_.erase_snapshot(directory);
}

Result<std::size_t> Snapshots::reindex(const std::string& directory) {
    const std::string parent =
        directory.empty() ? home_.snapshots() : MSB_TRY(absolute_path(directory));
    Staging::sweep(parent);
    if (!directory.empty() && !exists(parent))
        return fail(ErrorKind::not_found, "directory not found: " + parent);
    for (const std::string& known : MSB_TRY(catalogue_.snapshots()))
        if (known.starts_with(parent + "/") && !load(known))
            MSB_TRY(catalogue_.erase_snapshot(known));
    const std::vector<Snapshot> snapshots = list_directory(parent);
    for (const Snapshot& snapshot : snapshots)
        MSB_TRY(catalogue_.put_snapshot(snapshot.directory));
    return snapshots.size();
}

} // namespace msb
