#include "spec/mounts.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"
#include "spec/paths.hpp"

#include <algorithm>
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
    if (key == "quota")
        return fail(ErrorKind::unsupported, "quotas of mounts are not supported yet");
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
    if (mount.stat_virtualization == StatVirtualization::off &&
        mount.host_permissions == HostPermissions::mirror)
        return invalid("host-perms=mirror means nothing with stat-virt=off");
    return {};
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
    mount.source = MSB_TRY(absolute_path(source));
    MSB_TRY_WRAP(check_guest_path(guest), shown);
    mount.guest = normal_path(guest);
    if (has_options)
        MSB_TRY_WRAP(parse_options(mount, options), shown);
    if (option != "volume")
        MSB_TRY(check_kind(option, mount));
    return mount;
}

std::string mount_tag(std::size_t index) {
    return "fs-" + std::to_string(index);
}

Status validate_mounts(const std::vector<Mount>& mounts) {
    if (mounts.size() > max_mounts)
        return invalid("a sandbox can have " + std::to_string(max_mounts) + " mounts, not " +
                       std::to_string(mounts.size()));
    std::set<std::string_view> places;
    for (const Mount& mount : mounts) {
        MSB_TRY(check_guest_path(mount.guest));
        if (mount.guest != normal_path(mount.guest))
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
    return line;
}

} // namespace msb
