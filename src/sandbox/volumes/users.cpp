#include "sandbox/volumes/users.hpp"

#include "sandbox/volumes/volumes.hpp"

#include <algorithm>
#include <chrono>

namespace msb {

namespace {

bool mounts_volume(const SandboxSpec& spec, const std::string& volume) {
    return std::ranges::any_of(spec.mounts, [&](const Mount& mount) {
        return mount.kind == MountKind::named && mount.source == volume;
    });
}

bool has_labels(const Volume& volume, const LabelSelector& labels) {
    return std::ranges::all_of(labels, [&](const auto& wanted) {
        const auto ours = volume.labels.find(wanted.first);
        return ours != volume.labels.end() && ours->second == wanted.second;
    });
}

} // namespace

Result<std::vector<std::string>> users_of_volume(Sandboxes& sandboxes, const std::string& volume,
                                                 bool running_only) {
    std::vector<std::string> names;
    for (const SandboxView& view : MSB_TRY(sandboxes.list()))
        if (mounts_volume(view.spec, volume) && (!running_only || is_active(view.state.status)))
            names.push_back(view.spec.name);
    return names;
}

Status remove_volume(Sandboxes& sandboxes, const std::string& volume) {
    Status removed = Volumes(sandboxes.home()).remove(volume);
    if (removed || removed.error().kind() != ErrorKind::busy)
        return removed;
    Error error = std::move(removed).error();
    if (const auto users = users_of_volume(sandboxes, volume, true); users && !users->empty())
        error = Error(ErrorKind::busy,
                      "volume '" + volume + "' is mounted by sandbox '" + users->front() + "'")
                    .with_hint("stop it first: msb stop " + users->front());
    return fail(std::move(error));
}

Result<std::vector<PrunedVolume>> prune_volumes(Sandboxes& sandboxes, const LabelSelector& labels,
                                                bool dry_run) {
    Volumes volumes(sandboxes.home());
    std::vector<PrunedVolume> pruned;
    for (const Volume& volume : MSB_TRY(volumes.list())) {
        if (!has_labels(volume, labels))
            continue;
        const auto held =
            volumes.lock(volume.name, Volumes::Lock::exclusive, std::chrono::milliseconds(0));
        if (!held && held.error().kind() == ErrorKind::busy)
            continue;
        if (!held)
            return fail(held.error());
        if (!MSB_TRY(users_of_volume(sandboxes, volume.name, false)).empty())
            continue;
        pruned.push_back({volume.name, Volumes::used_bytes(volume).value_or(0)});
        if (!dry_run)
            MSB_TRY(volumes.remove_locked(volume.name));
    }
    return pruned;
}

} // namespace msb
