#include "spec/mount_json.hpp"

namespace msb {

namespace {

std::string_view type_of(MountKind kind) {
    switch (kind) {
    case MountKind::bind: return "Bind";
    case MountKind::named: return "Named";
    case MountKind::owned: return "Owned";
    case MountKind::disk: return "DiskImage";
    case MountKind::tmpfs: return "Tmpfs";
    }
    return "";
}

void write_volume(json::Value& document, const Mount& mount) {
    const VolumeRequest& volume = mount.volume;
    document["volume_kind"] = volume.kind ? json::Value(to_string(*volume.kind)) : json::Value();
    document["size_mib"] = volume.size_mib;
    document["quota_mib"] = volume.quota_mib;
    if (mount.kind == MountKind::owned)
        return;
    document["name"] = mount.source;
    document["mode"] = to_string(mount.volume_mode);
    document["labels"] = volume.labels;
}

void write_sharing(json::Value& document, const Mount& mount) {
    document["stat_virtualization"] = to_string(mount.stat_virtualization);
    document["host_permissions"] = to_string(mount.host_permissions);
    document["cache"] = to_string(mount.cache);
    document["follow_root_symlinks"] = mount.follow_root_symlinks;
    if (mount.quota.mib)
        document["quota_mib"] = *mount.quota.mib;
    if (mount.quota.inodes)
        document["quota_inodes"] = *mount.quota.inodes;
    if (mount.owner) {
        document["uid"] = mount.owner->uid;
        document["gid"] = mount.owner->gid;
    }
}

void read_volume(json::Reader& item, Mount& mount) {
    VolumeRequest& volume = mount.volume;
    const auto kind = item.get<std::optional<std::string>>("volume_kind");
    if (kind)
        volume.kind = *kind == "disk" ? VolumeKind::disk : VolumeKind::directory;
    item.get("size_mib", volume.size_mib);
    item.get("quota_mib", volume.quota_mib);
    if (mount.kind == MountKind::owned)
        return;
    item.get("name", mount.source);
    item.get("labels", volume.labels);
    const auto mode = parse_volume_mode(item.get<std::string>("mode"));
    if (!mode)
        item.complain("unknown mode of a volume");
    mount.volume_mode = mode.value_or(VolumeMode::existing);
}

void read_sharing(json::Reader& item, Mount& mount) {
    const auto virtualization = item.get<std::string>("stat_virtualization");
    mount.stat_virtualization = virtualization == "off"       ? StatVirtualization::off
                                : virtualization == "relaxed" ? StatVirtualization::relaxed
                                                              : StatVirtualization::strict;
    mount.host_permissions = item.get<std::string>("host_permissions") == "mirror"
                                 ? HostPermissions::mirror
                                 : HostPermissions::private_;
    item.get("follow_root_symlinks", mount.follow_root_symlinks);
    if (item.get<std::string>("cache") == to_string(MountCache::cached))
        mount.cache = MountCache::cached;
    if (item.has("quota_mib") && mount.kind == MountKind::bind)
        mount.quota.mib = item.get<std::uint64_t>("quota_mib");
    if (item.has("quota_inodes"))
        mount.quota.inodes = item.get<std::uint64_t>("quota_inodes");
    if (item.has("uid"))
        mount.owner = {item.get<std::uint32_t>("uid"), item.get<std::uint32_t>("gid")};
}

void read_disk(json::Reader& item, Mount& mount) {
    const auto format = item.get<std::string>("format");
    mount.format = format == "qcow2"  ? DiskFormat::qcow2
                   : format == "vmdk" ? DiskFormat::vmdk
                                      : DiskFormat::raw;
    mount.fstype = item.get<std::optional<std::string>>("fstype").value_or("");
}

} // namespace

json::Value mount_to_json(const Mount& mount) {
    json::Value document = {{"type", type_of(mount.kind)},
                            {"guest", mount.guest},
                            {"options",
                             {{"readonly", mount.read_only},
                              {"noexec", mount.noexec},
                              {"nosuid", mount.nosuid},
                              {"nodev", mount.nodev}}}};
    if (mount.kind == MountKind::bind || mount.kind == MountKind::disk)
        document["host"] = mount.source;
    if (mount.kind == MountKind::named || mount.kind == MountKind::owned)
        write_volume(document, mount);
    if (mount.is_shared())
        write_sharing(document, mount);
    if (mount.kind == MountKind::disk) {
        document["format"] = to_string(mount.format);
        document["fstype"] = json::or_null(mount.fstype);
    }
    if (mount.kind == MountKind::tmpfs)
        document["size_mib"] = mount.size_mib;
    return document;
}

Mount mount_from_json(json::Reader item) {
    Mount mount;
    const auto type = item.get<std::string>("type");
    for (const auto kind :
         {MountKind::bind, MountKind::named, MountKind::owned, MountKind::disk, MountKind::tmpfs})
        if (type == type_of(kind))
            mount.kind = kind;
    if (type != type_of(mount.kind))
        item.complain("unknown type of mount: " + type);
    item.get("guest", mount.guest);
    json::Reader options(item, "options");
    options.get("readonly", mount.read_only);
    options.get("noexec", mount.noexec);
    options.get("nosuid", mount.nosuid);
    options.get("nodev", mount.nodev);
    if (mount.kind == MountKind::bind || mount.kind == MountKind::disk)
        item.get("host", mount.source);
    if (mount.kind == MountKind::named || mount.kind == MountKind::owned)
        read_volume(item, mount);
    if (mount.is_shared())
        read_sharing(item, mount);
    if (mount.kind == MountKind::disk)
        read_disk(item, mount);
    if (mount.kind == MountKind::tmpfs)
        item.get("size_mib", mount.size_mib);
    return mount;
}

} // namespace msb
