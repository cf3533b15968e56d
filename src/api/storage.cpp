#include "api/storage.hpp"

#include "api/open_launcher.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "disk/ext4.hpp"
#include "image/collect.hpp"
#include "sandbox/disk_patch.hpp"
#include "sandbox/volumes/users.hpp"
#include "sandbox/volumes/volumes.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <tuple>

namespace msb {

namespace {

constexpr std::array<std::string_view, storage_kinds> kind_names = {
    "images", "layers", "sandboxes", "snapshots", "volumes", "logs", "caches"};
constexpr std::array default_kinds = {StorageKind::image, StorageKind::layer, StorageKind::cache};

/// Adds up a file, or everything in a directory. What goes away meanwhile does not count.
class Measure {
  public:
    Measure(StorageItem& item, const Launcher::Tick& tick) : item_(item), tick_(tick) {}

    Status add(const std::string& path) {
        add_file(path);
        std::error_code ignored;
        if (!std::filesystem::is_directory(std::filesystem::symlink_status(path, ignored)))
            return {};
        for (std::filesystem::recursive_directory_iterator
                 it(path, std::filesystem::directory_options::skip_permission_denied, ignored),
             end;
             it != end; it.increment(ignored)) {
            if (ignored)
                break;
            if (tick_ && ++files_ % files_between_ticks == 0 && tick_())
                return fail(ErrorKind::cancelled, "cancelled");
            add_file(it->path().string());
        }
        return {};
    }

  private:
    static constexpr std::size_t files_between_ticks = 256;

    void add_file(const std::string& path) {
        const auto info = sys::lstat(path);
        // A file with several names has its bytes once.
        if (!info || (info->st_nlink > 1 && !S_ISDIR(info->st_mode) &&
                      !seen_.emplace(info->st_dev, info->st_ino).second))
            return;
        if (S_ISREG(info->st_mode))
            item_.logical_bytes += static_cast<std::uint64_t>(info->st_size);
        item_.allocated_bytes += static_cast<std::uint64_t>(info->st_blocks) * 512;
    }

    StorageItem& item_;
    const Launcher::Tick& tick_;
    std::set<std::pair<dev_t, ino_t>> seen_;
    std::size_t files_ = 0;
};

class Survey {
  public:
    Survey(Launcher& launcher, const Launcher::Tick& tick) : launcher_(launcher), tick_(tick) {}

    Result<std::vector<StorageItem>> run() {
        views_ = MSB_TRY(launcher_.sandboxes().list());
        snapshots_ = MSB_TRY(launcher_.snapshots().list());
        MSB_TRY(add_images());
        MSB_TRY(add_sandboxes());
        MSB_TRY(add_snapshots());
        MSB_TRY(add_volumes());
        MSB_TRY(add_caches());
        std::ranges::sort(items_, {}, [](const StorageItem& item) {
            return std::tie(item.kind, item.name, item.path);
        });
        return std::move(items_);
    }

  private:
    Result<StorageItem*> add(StorageKind kind, std::string name, const std::string& path) {
        StorageItem& item = items_.emplace_back();
        item.kind = kind;
        item.name = std::move(name);
        item.path = path;
        MSB_TRY(Measure(item, tick_).add(path));
        return &item;
    }

    /// Sandboxes and snapshots that were made from an image.
    std::vector<std::string> users_of(const std::string& manifest) const {
        std::vector<std::string> users;
        for (const SandboxView& view : views_)
            if (view.spec.manifest_digest == manifest)
                users.push_back("sandbox '" + view.spec.name + "'");
        for (const Snapshot& snapshot : snapshots_)
            if (snapshot.manifest.image_digest == manifest)
                users.push_back("snapshot '" + snapshot.name() + "'");
        return users;
    }

    Status add_images() {
        const image::Layout layout(launcher_.home().root());
        std::map<std::string, std::vector<std::string>> needed_by; ///< files of images in use
        std::map<std::string, std::vector<std::string>> shared_by; ///< files of all images
        for (const image::Image& image : MSB_TRY(launcher_.store().list())) {
            StorageItem& item = items_.emplace_back();
            item.kind = StorageKind::image;
            item.name = image.reference;
            item.path = layout.record(image.reference);
            item.labels = image.config.labels;
            item.time_ns = image.stored_ns;
            item.reasons = users_of(image.manifest_digest.to_string());
            item.in_use = !item.reasons.empty();
            item.reclaimable = !item.in_use;
            for (const image::DiskPiece& piece : image.disk)
                item.logical_bytes += piece.length;
            std::vector<std::string> files = {layout.document(image.manifest_digest),
                                              layout.document(image.config_digest)};
            for (const image::DiskPiece& piece : image.disk)
                files.push_back(piece.path);
            for (const image::Layer& layer : image.layers)
                files.push_back(layout.blob_index(layer.diff_id));
            for (const std::string& file : files)
                (item.in_use ? needed_by : shared_by)[file].push_back(image.reference);
        }
        for (const std::string& directory : {layout.blobs(), layout.metas(), layout.documents()})
            for (const std::string& name : image::list_directory(directory)) {
                const std::string path = directory + "/" + name;
                StorageItem& item = *MSB_TRY(add(StorageKind::layer, name, path));
                item.in_use = needed_by.contains(path);
                item.reclaimable = !item.in_use;
                for (const auto* users : {&needed_by, &shared_by})
                    if (const auto found = users->find(path); found != users->end())
                        for (const std::string& user : found->second)
                            item.reasons.push_back("image '" + user + "'");
            }
        return {};
    }

    Status add_sandboxes() {
        for (const SandboxView& view : views_) {
            const SandboxFiles files{launcher_.home().sandbox(view.spec.name)};
            StorageItem& disk =
                *MSB_TRY(add(StorageKind::sandbox, view.spec.name, files.directory));
            disk.labels = view.spec.labels;
            disk.time_ns = std::max(view.state.stopped_at_ns, view.spec.created_at_ns);
            disk.in_use = is_active(view.state.status);
            disk.reclaimable = !disk.in_use;
            if (disk.in_use)
                disk.reasons = {"it runs"};
            const StorageItem logs = *MSB_TRY(add(StorageKind::log, view.spec.name, files.logs()));
            StorageItem& whole = items_[items_.size() - 2];
            whole.logical_bytes -= std::min(whole.logical_bytes, logs.logical_bytes);
            whole.allocated_bytes -= std::min(whole.allocated_bytes, logs.allocated_bytes);
            items_.back().in_use = true;
            items_.back().reasons = {"sandbox '" + view.spec.name + "'"};
        }
        return {};
    }

    Status add_snapshots() {
        for (const Snapshot& snapshot : snapshots_) {
            StorageItem& item =
                *MSB_TRY(add(StorageKind::snapshot, snapshot.name(), snapshot.directory));
            item.labels = snapshot.manifest.labels;
            item.time_ns = parse_rfc3339(snapshot.manifest.created_at).value_or(0);
            for (const Snapshot& other : snapshots_)
                if (other.manifest.parent == snapshot.digest)
                    item.reasons.push_back("snapshot '" + other.name() + "'");
            item.in_use = !item.reasons.empty();
            item.reclaimable = !item.in_use;
        }
        return {};
    }

    Status add_volumes() {
        for (const Volume& volume : MSB_TRY(Volumes(launcher_.home()).list())) {
            StorageItem& item = *MSB_TRY(add(StorageKind::volume, volume.name, volume.directory));
            item.labels = volume.labels;
            item.time_ns = volume.created_at_ns;
            for (const SandboxView& view : views_)
                if (std::ranges::any_of(view.spec.mounts, [&](const Mount& mount) {
                        return mount.kind == MountKind::named && mount.source == volume.name;
                    }))
                    item.reasons.push_back("sandbox '" + view.spec.name + "'");
            item.in_use = !item.reasons.empty();
            item.reclaimable = !item.in_use;
        }
        return {};
    }

    Status add_caches() {
        const std::string cache = launcher_.home().cache();
        for (const std::string& name :
             image::list_directory(disk::template_directory(launcher_.home().root())))
            add(StorageKind::cache, "templates/" + name,
                disk::template_directory(launcher_.home().root()) + "/" + name)
                .value()
                ->reclaimable = true;
        const std::string flat = flat_directory(launcher_.home().root());
        for (const std::string& name : image::list_directory(flat))
            MSB_TRY(add(StorageKind::cache, "flat/" + name, flat + "/" + name))->reclaimable = true;
        const image::Layout layout(launcher_.home().root());
        for (const std::string& name : image::list_directory(layout.temporary()))
            MSB_TRY(add(StorageKind::cache, "tmp/" + name, layout.temporary() + "/" + name))
                ->reclaimable = true;
        for (const std::string& name : image::list_directory(cache))
            if (name.ends_with(".json"))
                MSB_TRY(add(StorageKind::cache, name, cache + "/" + name))->reclaimable = true;
        return {};
    }

    Launcher& launcher_;
    const Launcher::Tick& tick_;
    std::vector<SandboxView> views_;
    std::vector<Snapshot> snapshots_;
    std::vector<StorageItem> items_;
};

/// Whoever wants images to go wants their layers to go.
bool selected(const StorageItem& item, const PruneRequest& request) {
    const auto has = [&](StorageKind kind) {
        return request.kinds.empty()
                   ? std::ranges::find(default_kinds, kind) != default_kinds.end()
                   : std::ranges::find(request.kinds, kind) != request.kinds.end();
    };
    const auto age = std::chrono::nanoseconds(unix_time_ns() - item.time_ns);
    const bool wanted =
        has(item.kind) || (item.kind == StorageKind::layer && has(StorageKind::image));
    // An image's labels are no labels of its layers.
    if (item.kind == StorageKind::layer)
        return item.reclaimable && wanted;
    return item.reclaimable && wanted && (item.time_ns == 0 || age >= request.older_than) &&
           std::ranges::all_of(request.labels, [&](const auto& label) {
               const auto found = item.labels.find(label.first);
               return found != item.labels.end() && found->second == label.second;
           });
}

image::InUse in_use(const std::vector<std::string>& digests) {
    return [&digests](const image::Digest& manifest) {
        return std::ranges::find(digests, manifest.to_string()) != digests.end();
    };
}

/// Nobody begins to mount it between the question and its end.
Status remove_unused_volume(Sandboxes& sandboxes, const std::string& name) {
    Volumes volumes(sandboxes.home());
    const OwnedFd held =
        MSB_TRY(volumes.lock(name, Volumes::Lock::exclusive, std::chrono::milliseconds(0)));
    if (const auto users = MSB_TRY(users_of_volume(sandboxes, name, false)); !users.empty())
        return fail(ErrorKind::busy, "volume '" + name + "' is of sandbox '" + users.front() + "'");
    return volumes.remove_locked(name);
}

Status remove_item(Launcher& launcher, const StorageItem& item) {
    switch (item.kind) {
    case StorageKind::image: {
        const auto used = MSB_TRY(launcher.images_in_use());
        return launcher.store().remove(item.name, in_use(used), false);
    }
    case StorageKind::sandbox: return launcher.sandboxes().remove(item.name, false);
    case StorageKind::snapshot: return launcher.snapshots().remove(item.path, false);
    case StorageKind::volume: return remove_unused_volume(launcher.sandboxes(), item.name);
    case StorageKind::cache:
        // Files that a pull has in hand are the store's to remove.
        return item.name.starts_with("tmp/") ? Status() : sys::unlink(item.path);
    case StorageKind::layer: // all at once, by the store
    case StorageKind::log: break;
    }
    return {};
}

/// The store's own garbage: layers that no image has, files of downloads that were cut off.
Status collect(Launcher& launcher) {
    const auto used = MSB_TRY(launcher.images_in_use());
    (void)MSB_TRY(launcher.store().collect(in_use(used)));
    return {};
}

} // namespace

std::string_view to_string(StorageKind kind) {
    return kind_names[static_cast<std::size_t>(kind)];
}

std::optional<StorageKind> parse_storage_kind(std::string_view text) {
    for (std::size_t i = 0; i < storage_kinds; ++i)
        if (text == kind_names[i])
            return static_cast<StorageKind>(i);
    return std::nullopt;
}

Result<std::vector<StorageItem>> storage_usage(Launcher& launcher, const Launcher::Tick& tick) {
    return Survey(launcher, tick).run();
}

Result<std::vector<PrunedItem>> prune_storage(Launcher& launcher, const PruneRequest& request,
                                              const Launcher::Tick& tick) {
    std::vector<PrunedItem> pruned;
    std::set<std::string> images;
    // Layers come behind the images that have them, and go with the last one.
    for (const StorageItem& item : MSB_TRY(storage_usage(launcher, tick))) {
        if (item.kind == StorageKind::image && selected(item, request))
            images.insert("image '" + item.name + "'");
        const bool left_over = std::ranges::all_of(
            item.reasons, [&](const std::string& user) { return images.contains(user); });
        if (selected(item, request) && (item.kind != StorageKind::layer || left_over))
            pruned.push_back({item, std::nullopt});
    }
    const bool of_the_store = std::ranges::any_of(pruned, [](const PrunedItem& one) {
        return one.item.kind == StorageKind::layer || one.item.kind == StorageKind::cache;
    });
    if (request.dry_run)
        return pruned;
    for (PrunedItem& one : pruned) {
        if (tick && tick())
            return fail(ErrorKind::cancelled, "cancelled");
        if (Status removed = remove_item(launcher, one.item); !removed)
            one.failure = std::move(removed).error();
    }
    if (of_the_store)
        MSB_TRY(collect(launcher));
    // What somebody needs since is still there, and not counted as freed.
    for (PrunedItem& one : pruned)
        if (!one.failure && exists(one.item.path))
            one.failure.emplace(ErrorKind::busy, "'" + one.item.name + "' is in use again");
    return pruned;
}

StorageTotals totals_of(const std::vector<StorageItem>& items, StorageKind kind) {
    StorageTotals totals;
    for (const StorageItem& item : items) {
        if (item.kind != kind)
            continue;
        ++totals.count;
        totals.in_use += item.in_use ? 1 : 0;
        totals.logical += item.logical_bytes;
        totals.allocated += item.allocated_bytes;
        totals.reclaimable += item.reclaimable ? item.allocated_bytes : 0;
    }
    return totals;
}

PruneOutcome count(const std::vector<PrunedItem>& items) {
    PruneOutcome outcome;
    for (const PrunedItem& one : items) {
        if (!one.failure)
            ++outcome.removed;
        else if (one.failure->kind() != ErrorKind::busy)
            ++outcome.failed;
        outcome.bytes += one.failure ? 0 : one.item.allocated_bytes;
    }
    return outcome;
}

} // namespace msb

namespace msb::api {

Outcome<std::vector<StorageItem>> storage_usage(Cancel* cancel) {
    Launcher launcher = MSB_TRY(open_launcher());
    return MSB_TRY(msb::storage_usage(launcher, tick_of(cancel)));
}

Outcome<std::vector<PrunedItem>> prune_storage(const PruneRequest& request, Cancel* cancel) {
    Launcher launcher = MSB_TRY(open_launcher());
    return MSB_TRY(msb::prune_storage(launcher, request, tick_of(cancel)));
}

Outcome<bool> resize_root_disk(const std::string& name, std::uint64_t size_mib) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().resize_root_disk(name, size_mib), name);
}

} // namespace msb::api
