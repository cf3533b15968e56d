#include "spec/mounts.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"
#include "spec/fs_server.hpp"
#include "spec/grammar.hpp"

#include <algorithm>
#include <climits>
#include <filesystem>
#include <optional>
#include <set>
#include <unistd.h>

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

namespace {

bool looks_like_path(std::string_view source) {
    return source == "." || source == ".." || source.starts_with('/') || source.starts_with("./") ||
           source.starts_with("../");
}

/// Without repeated, leading-to-nothing or trailing slashes, and without ".".
std::string normal(std::string_view path) {
    std::string text = std::filesystem::path(path).lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/'))
        text.pop_back();
    return text;
}

/// ".." is kept: its meaning depends on whether the path leads through links.
Result<std::string> absolute(std::string_view source) {
    if (source.starts_with('/'))
        return std::string(source);
    std::string here(PATH_MAX, '\0');
    if (::getcwd(here.data(), here.size()) == nullptr)
        return fail_errno("getcwd");
    here.resize(here.find('\0'));
    return here + "/" + std::string(source);
}

/// Checks a mount, both from the command line and from a file.
Status check_guest_path(std::string_view path) {
    const std::string shown = "guest path '" + std::string(path) + "' ";
    if (!path.starts_with('/'))
        return invalid(shown + "must be absolute");
    if (path.find_first_of(":,;") != std::string_view::npos)
        return invalid(shown + "may not contain ':', ',' or ';'");
    if ((std::string(path) + "/").find("/../") != std::string::npos)
        return invalid(shown + "may not contain '..'");
    if (normal(path) == "/")
        return invalid("nothing can be mounted on the guest's root");
    if (valid_utf8_prefix(path) != path.size() || path.find('\0') != std::string_view::npos)
        return invalid("a guest path is not text");
    return {};
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
    if (key == "quota" || key == "quota-inodes")
        return apply_quota(mount.quota, key, value);
    if (key == "uid" || key == "gid")
        return apply_owner(mount, key, value);
    return invalid("unknown option '" + std::string(key) + "'");
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
    else if (option == "exec" || option == "suid" || option == "dev")
        return invalid("option '" + std::string(option) + "' is not supported: it is the default");
    else if (const auto equals = option.find('='); equals != std::string_view::npos)
        return apply_setting(mount, option.substr(0, equals), option.substr(equals + 1));
    else
        return invalid("unknown option '" + std::string(option) + "'");
    return {};
}

Status parse_options(Mount& mount, std::string_view options) {
    std::set<std::string_view> seen;
    for (std::size_t at = 0; at <= options.size();) {
        const std::size_t end = std::min(options.find(',', at), options.size());
        const std::string_view option = options.substr(at, end - at);
        at = end + 1;
        const std::string_view key = option == "rw" ? "ro" : option.substr(0, option.find('='));
        if (!seen.insert(key).second)
            return invalid(option == "rw" || option == "ro"
                               ? "'ro' or 'rw' is given more than once"
                               : "option '" + std::string(key) + "' is given more than once");
        MSB_TRY(apply_option(mount, option));
    }
    return check_options(mount);
}

Status check_kind(std::string_view option, const Mount& mount) {
    const bool file = option == "mount-file";
    const auto info = sys::stat(mount.source);
    if (info && (file ? S_ISREG(info->st_mode) : S_ISDIR(info->st_mode)))
        return {};
    std::string message = std::string(option) + " source is not a " +
                          (file ? "regular file" : "directory") + ": " + mount.source;
    if (!info)
        return fail(Error(info.error()).wrap(std::move(message)));
    return invalid(std::move(message));
}

} // namespace

Result<Mount> parse_mount(std::string_view option, std::string_view text) {
    const std::string shown = "--" + std::string(option) + " '" + std::string(text) + "'";
    const auto boundary = text.find(":/");
    if (boundary == std::string_view::npos || boundary == 0)
        return invalid(shown + ": expected SOURCE:/GUEST[:OPTION,...]");
    const std::string_view source = text.substr(0, boundary);
    std::string_view guest = text.substr(boundary + 1);
    const auto colon = guest.find(':');
    const bool has_options = colon != std::string_view::npos;
    const std::string_view options = has_options ? guest.substr(colon + 1) : std::string_view();
    guest = guest.substr(0, colon);
    if (const auto comma = guest.find(','); comma != std::string_view::npos)
        return invalid(shown + ": options follow a colon: " + std::string(source) + ":" +
                       std::string(guest.substr(0, comma)) + ":" +
                       std::string(guest.substr(comma + 1)));
    if (!looks_like_path(source) && option == "volume")
        return fail(Error(ErrorKind::unsupported, shown + ": named volumes are not supported yet")
                        .with_hint("a directory of the host starts with '/', './' or '../'"));
    Mount mount;
    mount.source = MSB_TRY(absolute(source));
    MSB_TRY_WRAP(check_guest_path(guest), shown);
    mount.guest = normal(guest);
    if (has_options)
        MSB_TRY_WRAP(parse_options(mount, options), shown);
    if (option != "volume")
        MSB_TRY(check_kind(option, mount));
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

std::size_t mount_devices(std::size_t mounts) {
    return std::min(mounts, max_mount_devices);
}

MountPlace mount_place(std::size_t index, std::size_t mounts) {
    const std::size_t devices = mount_devices(mounts), device = index % devices;
    const bool alone = device + devices >= mounts;
    return {device, alone ? std::string() : std::to_string(index)};
}

std::string mount_tag(std::size_t device) {
    return fsd::device_tag(device);
}

Status validate_mounts(const std::vector<Mount>& mounts) {
    if (mounts.size() > max_mounts)
        return invalid("a sandbox can have " + std::to_string(max_mounts) + " mounts, not " +
                       std::to_string(mounts.size()));
    std::set<std::string_view> places;
    for (const Mount& mount : mounts) {
        MSB_TRY(check_guest_path(mount.guest));
        MSB_TRY_WRAP(check_options(mount), "the mount on " + mount.guest);
        if (mount.guest != normal(mount.guest))
            return invalid("guest path '" + mount.guest + "' is not in its shortest form");
        if (!places.insert(mount.guest).second)
            return invalid("two mounts on one guest path: " + mount.guest);
        if (!mount.source.starts_with('/') ||
            mount.source.find_first_of(":,;") != std::string::npos)
            return invalid("the source of a mount may not contain ':', ',' or ';': " +
                           mount.source);
        if (valid_utf8_prefix(mount.source) != mount.source.size() ||
            mount.source.find('\0') != std::string::npos)
            return invalid("the source of a mount is not text");
    }
    return {};
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
