#include "api/diff.hpp"

#include "sandbox/disk_copy.hpp"

namespace msb {

namespace {

const char* type_name(char type) {
    switch (type) {
    case 'f': return "file";
    case 'd': return "directory";
    case 'l': return "link";
    default: return "other";
    }
}

/// What is compared is what was written above an image.
std::unexpected<Error> flat_disk(const std::string& who) {
    return fail(ErrorKind::unsupported,
                who +
                    " uses a flat root disk, which is not above its image: it cannot be compared");
}

} // namespace

Result<std::vector<DiskChange>> diff_sandbox(Launcher& launcher, const std::string& name,
                                             const disk::Watch& watch) {
    auto still = launcher.sandboxes().hold_still(name);
    if (!still && still.error().kind() == ErrorKind::busy)
        return fail(Error(still.error())
                        .with_hint("stop it, or compare a snapshot of it: msb snapshot diff"));
    const Sandboxes::Still held = MSB_TRY(std::move(still));
    const SandboxSpec& spec = held.view.spec;
    if (spec.root_disk.kind == RootDisk::Kind::flat)
        return flat_disk("sandbox '" + name + "'");
    const std::string disk = MSB_TRY(own_disk(launcher.home(), spec));
    if (!spec.snapshot.empty())
        return diff_disks(MSB_TRY(launcher.snapshots().open(spec.snapshot)).disk(), disk, watch);
    return diff_with_image(MSB_TRY(launcher.image_of(spec)), disk, watch);
}

Result<std::vector<DiskChange>> diff_snapshots(Launcher& launcher, const std::string& before,
                                               const std::string& after, const disk::Watch& watch) {
    const Snapshot old = MSB_TRY(launcher.snapshots().open(before));
    const Snapshot now = MSB_TRY(launcher.snapshots().open(after));
    if (old.manifest.image_digest != now.manifest.image_digest)
        return fail(ErrorKind::invalid_argument, "the snapshots were made with different images");
    for (const Snapshot* snapshot : {&old, &now})
        if (snapshot->manifest.flat())
            return flat_disk("snapshot '" + snapshot->name() + "'");
    return diff_disks(old.disk(), now.disk(), watch);
}

json::Value changes_document(const std::vector<DiskChange>& changes) {
    json::Value rows = json::array();
    for (const DiskChange& change : changes)
        rows.push_back({{"path", change.path},
                        {"change", change.kind},
                        {"type", type_name(change.type)},
                        {"size_before", change.size_before},
                        {"size_after", change.size_after}});
    return rows;
}

} // namespace msb
