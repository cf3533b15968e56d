#include "spec/root_disk.hpp"

#include "base/system.hpp"
#include "spec/grammar.hpp"
#include "spec/paths.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sys/stat.h>
#include <vector>

namespace msb {

namespace {

constexpr std::array file_systems = {"ext4", "ext3", "ext2", "xfs", "btrfs"};

std::unexpected<Error> bad_root(const std::string& what) {
    return fail(Error(ErrorKind::invalid_argument, "root disk: " + what)
                    .with_hint("there are: 8G, tmpfs[:SIZE], flat[:SIZE], "
                               "PATH[:format=raw,fstype=ext4]"));
}

/// "~/x" is below the user's home directory, however the shell was told.
Result<std::string> path_of_user(std::string_view text) {
    std::string path(text);
    if (const char* const home = std::getenv("HOME"); home != nullptr && path.starts_with("~/"))
        path.replace(0, 1, home);
    return absolute_path(path);
}

std::vector<std::string> split_options(std::string_view text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size() && !text.empty();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        parts.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

Status apply_root_option(RootDisk& disk, const std::string& option) {
    const std::size_t equals = option.find('=');
    const std::string key = option.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    const bool path = disk.kind == RootDisk::Kind::image;
    if (key == "size" && path)
        return bad_root("a file has the size that it has: '" + option + "'");
    if (equals == std::string::npos || key == "size") {
        disk.size_mib = MSB_TRY(parse_memory_mib(key == "size" ? value : option));
    } else if (key == "fstype" && disk.kind != RootDisk::Kind::tmpfs) {
        if (!path && value != "ext4")
            return bad_root("a flat one is ext4, not '" + value + "'");
        disk.fstype = value;
    } else if (key == "format" && path) {
        if (value != "raw")
            return bad_root("a file over an image is raw, not '" + value + "'");
    } else if (key == "clone" && disk.kind == RootDisk::Kind::flat) {
        using enum RootDisk::Clone;
        const auto all = std::array{automatic, copy, reflink};
        const auto found = std::ranges::find(
            all, value, static_cast<std::string_view (*)(RootDisk::Clone)>(to_string));
        if (found == all.end())
            return bad_root("clone is auto, copy or reflink, not '" + value + "'");
        disk.clone = *found;
    } else {
        return bad_root("unknown option '" + option + "'");
    }
    return {};
}

} // namespace

std::string_view to_string(RootSource source) {
    switch (source) {
    case RootSource::image: return "oci";
    case RootSource::disk: return "disk";
    }
    return "?";
}

std::string_view to_string(RootDisk::Kind kind) {
    switch (kind) {
    case RootDisk::Kind::managed: return "managed";
    case RootDisk::Kind::tmpfs: return "tmpfs";
    case RootDisk::Kind::flat: return "flat";
    case RootDisk::Kind::image: return "disk-image";
    }
    return "?";
}

std::string_view to_string(RootDisk::Clone clone) {
    switch (clone) {
    case RootDisk::Clone::automatic: return "auto";
    case RootDisk::Clone::copy: return "copy";
    case RootDisk::Clone::reflink: return "reflink";
    }
    return "?";
}

bool is_root_path(std::string_view image) {
    return image == "." || image == ".." || image.starts_with("./") || image.starts_with("../") ||
           image.starts_with('/') || image.starts_with("~/");
}

Result<RootPath> parse_root_path(std::string_view text) {
    RootPath root;
    root.path = MSB_TRY(path_of_user(text));
    if (const auto colon = root.path.rfind(":fstype="); colon != std::string::npos) {
        root.fstype = root.path.substr(colon + sizeof(":fstype=") - 1);
        root.path.resize(colon);
    }
    const auto info = sys::stat(root.path);
    if (!info)
        return fail(Error(info.error()).wrap("no disk image or directory: '" + root.path + "'"));
    root.directory = S_ISDIR(info->st_mode);
    if (root.directory && !root.fstype.empty())
        return invalid("a directory has no fstype of its own: '" + root.path + "'");
    if (!root.directory && !S_ISREG(info->st_mode))
        return invalid("a root is a disk image or a directory: '" + root.path + "'");
    return root;
}

Result<RootDisk> parse_root_disk(std::string_view text) {
    RootDisk disk;
    const std::size_t colon = text.find_first_of(":,");
    const std::string_view head = text.substr(0, colon);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (head == "tmpfs") {
        disk = {.kind = RootDisk::Kind::tmpfs, .size_mib = 0};
    } else if (head == "flat") {
        disk = {.kind = RootDisk::Kind::flat, .size_mib = 0};
    } else if (is_root_path(head) || head.find('/') != std::string_view::npos) {
        disk = {.kind = RootDisk::Kind::image, .size_mib = 0, .fstype = "ext4"};
        disk.path = MSB_TRY(path_of_user(head));
    } else {
        const auto size = parse_memory_mib(text);
        if (!size)
            return bad_root("'" + std::string(text) + "' is no size");
        disk.size_mib = *size;
        return disk;
    }
    for (const std::string& option : split_options(rest))
        MSB_TRY(apply_root_option(disk, option));
    return disk;
}

Status validate_root_disk(const RootDisk& disk, std::uint64_t memory_mib) {
    const bool to_be_chosen = disk.kind == RootDisk::Kind::flat && disk.size_mib == 0;
    if (disk.owned() && !to_be_chosen &&
        (disk.size_mib < min_root_disk_mib || disk.size_mib > max_root_disk_mib))
        return fail(ErrorKind::invalid_argument, "root disk must have 128 MiB to 16 TiB, has " +
                                                     std::to_string(disk.size_mib) + " MiB");
    if (disk.kind == RootDisk::Kind::tmpfs && disk.size_mib > memory_mib)
        return fail(ErrorKind::invalid_argument, "a root disk of " + std::to_string(disk.size_mib) +
                                                     " MiB in memory does not fit into " +
                                                     std::to_string(memory_mib) + " MiB of memory");
    if (disk.kind != RootDisk::Kind::image)
        return {};
    if (!disk.path.starts_with('/'))
        return bad_root("'" + disk.path + "' is not absolute");
    if (std::ranges::find(file_systems, disk.fstype) == file_systems.end())
        return bad_root("'" + disk.fstype +
                        "' is no file system for a root disk (ext4, xfs, "
                        "btrfs, ...)");
    return {};
}

std::string describe(const RootDisk& disk) {
    std::string size = std::to_string(disk.size_mib) + " MiB";
    switch (disk.kind) {
    case RootDisk::Kind::managed: return size + " (managed, ext4)";
    case RootDisk::Kind::flat:
        return size + " (flat, ext4, clone=" + std::string(to_string(disk.clone)) + ")";
    case RootDisk::Kind::tmpfs:
        return (disk.size_mib == 0 ? std::string("half of memory") : size) + " (tmpfs)";
    case RootDisk::Kind::image: return disk.path + " (disk image, raw, " + disk.fstype + ")";
    }
    return size;
}

} // namespace msb
