// What a program asks to be mounted.
#include "ffi/options.hpp"

namespace msb::ffi {

namespace {

constexpr std::uint64_t most_mib = std::uint64_t{1} << 40;

void read_flags(Options& given, Mount& mount) {
    mount.read_only = given.flag("readonly");
    mount.noexec = given.flag("noexec");
    mount.nosuid = given.flag("nosuid");
    mount.nodev = given.flag("nodev");
}

/// What only directories of the host have.
void read_sharing(Options& given, Mount& mount) {
    mount.follow_root_symlinks = given.flag("follow_root_symlinks");
    if (given.choice("stat_virtualization", {"strict", "off"}) == "off")
        mount.stat_virtualization = StatVirtualization::off;
    if (given.choice("host_permissions", {"private", "mirror"}) == "mirror")
        mount.host_permissions = HostPermissions::mirror;
    if (given.choice("cache", {"strict", "cached"}) == "cached")
        mount.cache = MountCache::cached;
    mount.quota.inodes = given.number("quota_inodes", most_mib);
    constexpr std::uint64_t most_id = MountOwner::none - 1;
    const auto uid = given.number("uid", most_id), gid = given.number("gid", most_id);
    if (uid || gid)
        mount.owner = {static_cast<std::uint32_t>(uid.value_or(MountOwner::none)),
                       static_cast<std::uint32_t>(gid.value_or(MountOwner::none))};
}

/// Exactly one of the members that say what is mounted.
void read_kind(Options& given, Mount& mount) {
    const auto bind = given.optional_text("bind"), named = given.optional_text("named"),
               disk = given.optional_text("disk");
    const bool owned = given.flag("owned"), tmpfs = given.flag("tmpfs");
    if (bind.has_value() + named.has_value() + disk.has_value() + owned + tmpfs != 1)
        return given.refuse("a mount has one of 'bind', 'named', 'owned', 'tmpfs' and 'disk'");
    mount.kind = bind    ? MountKind::bind
                 : named ? MountKind::named
                 : disk  ? MountKind::disk
                 : owned ? MountKind::owned
                         : MountKind::tmpfs;
    mount.source = bind ? *bind : named ? *named : disk ? *disk : "";
}

void read_volume(Options& given, Mount& mount) {
    const bool is_volume = mount.kind == MountKind::named || mount.kind == MountKind::owned;
    const bool has_kind = given.has("kind");
    const bool disk = given.choice("kind", {"dir", "disk"}) == "disk";
    const std::string mode = given.choice("named_mode", {"existing", "create", "ensure-exists"});
    const auto size = given.number("size_mib", most_mib);
    const auto quota = given.number("quota_mib", most_mib);
    for (auto& [key, value] : given.pairs("labels"))
        mount.volume.labels.insert_or_assign(key, value);
    if (mount.kind == MountKind::tmpfs)
        mount.size_mib = size.value_or(0);
    if (!is_volume) {
        mount.quota.mib = quota;
        if (has_kind || !mount.volume.labels.empty() || (size && mount.kind != MountKind::tmpfs))
            given.refuse("'kind', 'labels' and 'size_mib' are of volumes");
        return;
    }
    if (has_kind || mount.kind == MountKind::owned)
        mount.volume.kind = disk ? VolumeKind::disk : VolumeKind::directory;
    mount.volume_mode = parse_volume_mode(mode).value_or(VolumeMode::existing);
    mount.volume.size_mib = size;
    if (quota != 0)
        mount.volume.quota_mib = quota;
}

void read_image(Options& given, Mount& mount) {
    const bool has_format = given.has("format");
    const std::string format = given.choice("format", {"raw", "qcow2", "vmdk"});
    mount.fstype = given.text("fstype");
    if (mount.kind != MountKind::disk) {
        if (has_format || !mount.fstype.empty())
            given.refuse("'format' and 'fstype' are of disk images");
        return;
    }
    mount.format = !has_format        ? format_of_name(mount.source)
                   : format == "raw"  ? DiskFormat::raw
                   : format == "vmdk" ? DiskFormat::vmdk
                                      : DiskFormat::qcow2;
}

} // namespace

void read_volumes(Options& options, SandboxSpec& spec) {
    const json::Value volumes = options.any("volumes");
    if (volumes.is_null())
        return;
    if (!volumes.is_object())
        return options.complain("'volumes' is not an object");
    for (const auto& [guest, description] : volumes.members()) {
        Options given(description, "volumes." + guest + ".");
        Mount& mount = spec.mounts.emplace_back();
        mount.guest = guest;
        read_kind(given, mount);
        read_flags(given, mount);
        read_sharing(given, mount);
        read_volume(given, mount);
        read_image(given, mount);
        if (const auto checked = given.done(); !checked)
            options.pass_on(checked.error());
    }
}

} // namespace msb::ffi
