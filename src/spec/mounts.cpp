#include "spec/mounts.hpp"

#include "base/bytes.hpp"
#include "base/closest.hpp"
#include "base/sha256.hpp"
#include "base/system.hpp"
#include "spec/files.hpp"
#include "spec/fs_server.hpp"
#include "spec/grammar.hpp"
#include "spec/paths.hpp"
#include "spec/spec.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>

namespace msb {

std::string_view to_string(StatVirtualization mode) {
    switch (mode) {
    case StatVirtualization::strict: return "strict";
    case StatVirtualization::relaxed: return "relaxed";
    case StatVirtualization::off: return "off";
    }
    return "?";
}

std::string_view to_string(HostPermissions mode) {
    return mode == HostPermissions::mirror ? "mirror" : "private";
}

std::string_view to_string(MountCache mode) {
    return mode == MountCache::cached ? "cached" : "strict";
}

std::string_view to_string(DiskFormat format) {
    switch (format) {
    case DiskFormat::raw: return "raw";
    case DiskFormat::qcow2: return "qcow2";
    case DiskFormat::vmdk: return "vmdk";
    }
    return "?";
}

DiskFormat format_of_name(std::string_view path) {
    return path.ends_with(".qcow2")  ? DiskFormat::qcow2
           : path.ends_with(".vmdk") ? DiskFormat::vmdk
                                     : DiskFormat::raw;
}

bool Mount::is_shared() const {
    const bool volume_directory =
        (kind == MountKind::named || kind == MountKind::owned) && volume.kind != VolumeKind::disk;
    return kind == MountKind::bind || volume_directory;
}

namespace {

bool looks_like_path(std::string_view source) {
    return source == "." || source == ".." || source.starts_with('/') || source.starts_with("./") ||
           source.starts_with("../");
}

/// Checks a mount, both from the command line and from a file.
Status check_guest_path(std::string_view path) {
    const std::string shown = "guest path '" + std::string(path) + "' ";
    if (!path.starts_with('/'))
        return invalid(shown + "must be absolute");
    if (path.find_first_of(":,;") != std::string_view::npos)
        return invalid(shown + "may not contain ':', ',' or ';'");
    if (leads_upwards(path))
        return invalid(shown + "may not contain '..'");
    if (normal_path(path) == "/")
        return invalid("nothing can be mounted on the guest's root");
    if (valid_utf8_prefix(path) != path.size() || path.find('\0') != std::string_view::npos)
        return invalid("a guest path is not text");
    return {};
}

Status apply_tmpfs_size(Mount& mount, std::string_view value) {
    if (mount.size_mib != 0)
        return invalid("tmpfs size specified more than once");
    mount.size_mib = MSB_TRY(parse_memory_mib(value));
    return {};
}

Status apply_format(Mount& mount, std::string_view value) {
    for (const auto format : {DiskFormat::raw, DiskFormat::qcow2, DiskFormat::vmdk})
        if (value == to_string(format)) {
            mount.format = format;
            return {};
        }
    return invalid("format is raw, qcow2 or vmdk, not '" + std::string(value) + "'");
}

constexpr std::string_view no_limit = "unlimited";

Status apply_quota(MountQuota& quota, std::string_view key, std::string_view value) {
    if (key == "quota") {
        quota.mib = value == no_limit ? 0 : MSB_TRY_WRAP(parse_memory_mib(value), "quota");
        return {};
    }
    const auto inodes = value == no_limit ? std::optional<std::uint64_t>(0) : parse_integer(value);
    if (!inodes || (*inodes == 0 && value != no_limit))
        return invalid("quota-inodes is a number of files, or unlimited, not '" +
                       std::string(value) + "'");
    quota.inodes = inodes;
    return {};
}

/// Kept with the volume.
Status apply_volume_quota(VolumeRequest& volume, std::string_view value) {
    if (value != no_limit)
        volume.quota_mib = MSB_TRY_WRAP(parse_memory_mib(value), "quota");
    return {};
}

/// uid= and gid= are one setting; check_options() finds the one that is missing.
Status apply_owner(Mount& mount, std::string_view key, std::string_view value) {
    const auto id = parse_integer(value);
    if (!id || *id >= MountOwner::none)
        return invalid(std::string(key) + " is a number below 4294967295, not '" +
                       std::string(value) + "'");
    if (!mount.owner)
        mount.owner = MountOwner{MountOwner::none, MountOwner::none};
    (key == "uid" ? mount.owner->uid : mount.owner->gid) = static_cast<std::uint32_t>(*id);
    return {};
}

Status apply_setting(Mount& mount, std::string_view key, std::string_view value) {
    if (key == "stat-virt") {
        for (const auto mode :
             {StatVirtualization::strict, StatVirtualization::relaxed, StatVirtualization::off})
            if (value == to_string(mode)) {
                mount.stat_virtualization = mode;
                return {};
            }
        return invalid("stat-virt is strict, relaxed or off, not '" + std::string(value) + "'");
    }
    if (key == "host-perms") {
        for (const auto mode : {HostPermissions::private_, HostPermissions::mirror})
            if (value == to_string(mode)) {
                mount.host_permissions = mode;
                return {};
            }
        return invalid("host-perms is private or mirror, not '" + std::string(value) + "'");
    }
    if (key == "cache") {
        for (const auto mode : {MountCache::strict, MountCache::cached})
            if (value == to_string(mode)) {
                mount.cache = mode;
                return {};
            }
        return invalid("cache is strict or cached, not '" + std::string(value) + "'");
    }
    if (key == "quota" && mount.kind != MountKind::bind)
        return apply_volume_quota(mount.volume, value);
    if (key == "quota" || key == "quota-inodes")
        return apply_quota(mount.quota, key, value);
    if (key == "uid" || key == "gid")
        return apply_owner(mount, key, value);
    if (key == "size" && mount.kind == MountKind::tmpfs)
        return apply_tmpfs_size(mount, value);
    if (key == "format")
        return apply_format(mount, value);
    if (key == "size")
        mount.volume.size_mib = MSB_TRY(parse_memory_mib(value));
    else if (key == "kind")
        mount.volume.kind = MSB_TRY(parse_volume_kind(value));
    else if (key == "fstype")
        mount.fstype = value;
    return {};
}

/// An option, and those of the command line whose mounts can have it.
struct KnownOption {
    std::string_view name;
    std::string_view takers;
    bool takes_value = true;
};
constexpr std::string_view everywhere =
    " volume mount-dir mount-file mount-named mount-owned mount-disk tmpfs ";
constexpr std::string_view shares = " volume mount-dir mount-file mount-named mount-owned ";
constexpr std::array known_options = {
    KnownOption{"ro", everywhere, false},
    KnownOption{"rw", everywhere, false},
    KnownOption{"noexec", everywhere, false},
    KnownOption{"nosuid", everywhere, false},
    KnownOption{"nodev", everywhere, false},
    KnownOption{"follow-root-symlinks", " volume mount-dir mount-file mount-named ", false},
    KnownOption{"stat-virt", shares},
    KnownOption{"host-perms", shares},
    KnownOption{"quota", shares},
    KnownOption{"quota-inodes", shares},
    KnownOption{"cache", shares},
    KnownOption{"uid", shares},
    KnownOption{"gid", shares},
    KnownOption{"kind", " mount-named mount-owned "},
    KnownOption{"size", " mount-named mount-owned tmpfs "},
    KnownOption{"format", " mount-disk "},
    KnownOption{"fstype", " mount-disk "},
};

Status check_takes(std::string_view of, std::string_view key, bool has_value) {
    if (key == "exec" || key == "suid" || key == "dev")
        return invalid("option '" + std::string(key) + "' is not supported: it is the default");
    const auto known = std::ranges::find(known_options, key, &KnownOption::name);
    if (known == known_options.end() || known->takes_value != has_value) {
        Error error(ErrorKind::invalid_argument, "unknown option '" + std::string(key) + "'");
        std::vector<std::string> names;
        names.reserve(known_options.size());
        for (const KnownOption& option : known_options)
            names.emplace_back(option.name);
        if (const auto meant = closest(key, names))
            return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
        return fail(std::move(error));
    }
    if (known->takers.find(" " + std::string(of) + " ") == std::string_view::npos)
        return fail(
            Error(ErrorKind::invalid_argument, "unknown option '" + std::string(key) + "'")
                .with_hint("it is an option of --" +
                           std::string(known->takers.substr(1, known->takers.find(' ', 1) - 1))));
    return {};
}

Status apply_option(Mount& mount, std::string_view option) {
    if (option == "rw")
        return {};
    if (option == "ro")
        mount.read_only = true;
    else if (option == "noexec")
        mount.noexec = true;
    else if (option == "nosuid")
        mount.nosuid = true;
    else if (option == "nodev")
        mount.nodev = true;
    else if (option == "follow-root-symlinks")
        mount.follow_root_symlinks = true;
    else if (const auto equals = option.find('='); equals != std::string_view::npos)
        return apply_setting(mount, option.substr(0, equals), option.substr(equals + 1));
    return {};
}

Status parse_options(std::string_view of, Mount& mount, std::string_view options) {
    std::set<std::string_view> seen;
    for (std::size_t at = 0; at <= options.size();) {
        const std::size_t end = std::min(options.find(',', at), options.size());
        const std::string_view option = options.substr(at, end - at);
        at = end + 1;
        const std::string_view name = option.substr(0, option.find('='));
        const std::string_view key = option == "rw" ? "ro" : name;
        if (!seen.insert(key).second)
            return invalid(option == "rw" || option == "ro"
                               ? "'ro' or 'rw' is given more than once"
                               : "option '" + std::string(key) + "' is given more than once");
        MSB_TRY(check_takes(of, name, name.size() != option.size()));
        MSB_TRY(apply_option(mount, option));
    }
    return check_options(mount);
}

Status check_kind(std::string_view option, const Mount& mount) {
    const bool file = option != "mount-dir";
    const auto info = sys::stat(mount.source);
    if (info && (file ? S_ISREG(info->st_mode) : S_ISDIR(info->st_mode)))
        return {};
    std::string message = std::string(option) + " source is not a " +
                          (file ? "regular file" : "directory") + ": " + mount.source;
    if (!info)
        return fail(Error(info.error()).wrap(std::move(message)));
    return invalid(std::move(message));
}

/// The source of a mount, and of what kind the mount is.
Status take_source(std::string_view option, Mount& mount, std::string_view source) {
    mount.kind = option == "mount-disk"                           ? MountKind::disk
                 : option == "mount-named"                        ? MountKind::named
                 : option == "volume" && !looks_like_path(source) ? MountKind::named
                                                                  : MountKind::bind;
    if (mount.kind == MountKind::named) {
        Status valid = validate_volume_name(source);
        if (!valid)
            return fail(std::move(valid).error().with_hint(
                "a directory of the host starts with '/', './' or '../'" +
                std::string(option == "volume" ? "" : ", and is mounted by -v or --mount-dir")));
        mount.source = source;
        return {};
    }
    mount.source = MSB_TRY(absolute_path(source));
    if (option != "volume")
        MSB_TRY(check_kind(option, mount));
    if (mount.kind != MountKind::disk)
        return {};
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(mount.source.c_str(), nullptr),
                                                      std::free);
    if (!real)
        return fail_errno("realpath", mount.source);
    mount.source = real.get();
    mount.format = format_of_name(mount.source);
    return {};
}

/// /GUEST[:OPTIONS], or with a size before the options.
Status take_place(std::string_view option, Mount& mount, std::string_view text) {
    const auto colon = text.find(':');
    const std::string_view guest = text.substr(0, colon);
    if (const auto comma = guest.find(','); comma != std::string_view::npos)
        return invalid("options follow a colon: " + mount.source +
                       (mount.source.empty() ? "" : ":") + std::string(guest.substr(0, comma)) +
                       ":" + std::string(guest.substr(comma + 1)));
    MSB_TRY(check_guest_path(guest));
    mount.guest = normal_path(guest);
    if (colon == std::string_view::npos)
        return {};
    std::string_view options = text.substr(colon + 1);
    if (mount.kind == MountKind::tmpfs && !options.empty() && options[0] >= '0' &&
        options[0] <= '9') {
        const auto end = options.find(':');
        MSB_TRY(apply_tmpfs_size(mount, options.substr(0, end)));
        if (end == std::string_view::npos)
            return {};
        options.remove_prefix(end + 1);
    }
    return parse_options(option, mount, options);
}

/// What goes without saying, or is not said in one option alone.
Status complete(Mount& mount) {
    if (mount.kind != MountKind::named && mount.kind != MountKind::owned)
        return {};
    if (mount.kind == MountKind::owned && !mount.volume.kind)
        mount.volume.kind = VolumeKind::directory;
    MSB_TRY(validate_volume_request(mount.volume));
    const bool share_options = mount.stat_virtualization != StatVirtualization::strict ||
                               mount.host_permissions != HostPermissions::private_ ||
                               mount.cache != MountCache::strict || mount.quota.inodes ||
                               mount.owner || mount.follow_root_symlinks;
    if (mount.volume.kind == VolumeKind::disk && share_options)
        return invalid("options of shared directories mean nothing with a disk");
    return {};
}

} // namespace

Result<Mount> parse_mount(std::string_view option, std::string_view text) {
    const std::string shown = "--" + std::string(option) + " '" + std::string(text) + "'";
    Mount mount;
    if (option == "tmpfs" || option == "mount-owned") {
        mount.kind = option == "tmpfs" ? MountKind::tmpfs : MountKind::owned;
    } else {
        const auto boundary = text.find(":/");
        if (boundary == std::string_view::npos || boundary == 0)
            return invalid(shown + ": expected SOURCE:/GUEST[:OPTION,...]");
        MSB_TRY_WRAP(take_source(option, mount, text.substr(0, boundary)), shown);
        text.remove_prefix(boundary + 1);
    }
    MSB_TRY_WRAP(take_place(option, mount, text), shown);
    MSB_TRY_WRAP(complete(mount), shown);
    return mount;
}

Status check_options(const Mount& mount) {
    const bool off = mount.stat_virtualization == StatVirtualization::off;
    if (off && mount.host_permissions == HostPermissions::mirror)
        return invalid("host-perms=mirror means nothing with stat-virt=off");
    if (!mount.owner)
        return {};
    if (mount.owner->uid == MountOwner::none || mount.owner->gid == MountOwner::none)
        return invalid("uid and gid are given both or neither");
    if (off)
        return invalid("uid and gid mean nothing with stat-virt=off");
    return {};
}

std::size_t mount_devices(std::size_t shares) {
    return std::min(shares, max_mount_devices);
}

MountPlace mount_place(std::size_t index, std::size_t shares) {
    const std::size_t devices = mount_devices(shares), device = index % devices;
    const bool alone = device + devices >= shares;
    return {device, alone ? std::string() : std::to_string(index)};
}

std::string mount_tag(std::size_t device) {
    return fsd::device_tag(device);
}

std::string SandboxFiles::owned(std::string_view guest, bool disk) const {
    return directory + "/owned/" + sha256_hex(guest).substr(0, 16) + (disk ? ".ext4" : "");
}

std::string disk_tag(std::size_t index) {
    return "disk-" + std::to_string(index);
}

namespace {

Status check_source_path(const Mount& mount) {
    if (!mount.source.starts_with('/') || mount.source.find_first_of(":,;") != std::string::npos)
        return invalid("the source of a mount may not contain ':', ',' or ';': " + mount.source);
    if (valid_utf8_prefix(mount.source) != mount.source.size() ||
        mount.source.find('\0') != std::string::npos)
        return invalid("the source of a mount is not text");
    return {};
}

Status check_source(const Mount& mount) {
    switch (mount.kind) {
    case MountKind::bind: return check_source_path(mount);
    case MountKind::named:
        MSB_TRY(validate_volume_name(mount.source));
        return validate_volume_request(mount.volume);
    case MountKind::owned: return validate_volume_request(mount.volume);
    case MountKind::tmpfs: return {};
    case MountKind::disk:
        if (mount.fstype.find_first_of(",;:=") != std::string::npos ||
            valid_utf8_prefix(mount.fstype) != mount.fstype.size())
            return invalid("fstype may not contain ',', ';', ':' or '=': " + mount.fstype);
        return check_source_path(mount);
    }
    return {};
}

} // namespace

Status validate_mounts(const std::vector<Mount>& mounts) {
    if (mounts.size() > max_mounts)
        return invalid("a sandbox can have " + std::to_string(max_mounts) + " mounts, not " +
                       std::to_string(mounts.size()));
    std::set<std::string_view> places;
    std::set<std::string_view> disks;
    for (const Mount& mount : mounts) {
        MSB_TRY(check_guest_path(mount.guest));
        MSB_TRY_WRAP(check_options(mount), "the mount on " + mount.guest);
        if (mount.guest != normal_path(mount.guest))
            return invalid("guest path '" + mount.guest + "' is not in its shortest form");
        if (!places.insert(mount.guest).second)
            return invalid("two mounts on one guest path: " + mount.guest);
        MSB_TRY(check_source(mount));
        if (mount.kind == MountKind::disk && !disks.insert(mount.source).second)
            return invalid("one disk image can be mounted once: " + mount.source);
    }
    return {};
}

std::string describe_source(const Mount& mount) {
    const auto volume = [&mount] {
        const VolumeRequest& like = mount.volume;
        if (like.kind != VolumeKind::disk)
            return std::string("directory");
        return "ext4 disk (" + std::to_string(like.size_mib.value_or(0)) + " MiB)";
    };
    switch (mount.kind) {
    case MountKind::bind: return mount.source;
    case MountKind::named: return "volume " + mount.source;
    case MountKind::owned: return "owned " + volume();
    case MountKind::disk:
        return "disk image " + mount.source + " (" + std::string(to_string(mount.format)) + ")";
    case MountKind::tmpfs:
        return mount.size_mib == 0 ? "tmpfs" : "tmpfs (" + std::to_string(mount.size_mib) + " MiB)";
    }
    return "?";
}

std::string describe_options(const Mount& mount) {
    std::string text;
    const auto add = [&text](bool given, std::string_view word) {
        if (given)
            text.append(text.empty() ? "" : ",").append(word);
    };
    add(mount.read_only, "ro");
    add(mount.noexec, "noexec");
    add(mount.nosuid, "nosuid");
    add(mount.nodev, "nodev");
    add(mount.follow_root_symlinks, "follow-root-symlinks");
    std::string line = text.empty() ? "" : "(" + text + ")";
    const auto setting = [&line](std::string_view key, std::string_view value) {
        line.append(line.empty() ? "[" : " [").append(key).append("=").append(value).append("]");
    };
    if (mount.stat_virtualization != StatVirtualization::strict)
        setting("stat-virt", to_string(mount.stat_virtualization));
    if (mount.host_permissions != HostPermissions::private_)
        setting("host-perms", to_string(mount.host_permissions));
    if (mount.volume.quota_mib)
        setting("quota", std::to_string(*mount.volume.quota_mib) + "MiB");
    if (!mount.fstype.empty())
        setting("fstype", mount.fstype);
    if (mount.cache != MountCache::strict)
        setting("cache", to_string(mount.cache));
    const auto limit = [](std::uint64_t amount, std::string_view unit) {
        return amount == 0 ? std::string(no_limit) : std::to_string(amount).append(unit);
    };
    if (mount.quota.mib)
        setting("quota", limit(*mount.quota.mib, "MiB"));
    if (mount.quota.inodes)
        setting("quota-inodes", limit(*mount.quota.inodes, ""));
    if (mount.owner) {
        setting("uid", std::to_string(mount.owner->uid));
        setting("gid", std::to_string(mount.owner->gid));
    }
    return line;
}

} // namespace msb
