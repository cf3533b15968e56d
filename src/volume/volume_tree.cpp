#include "volume/volume_tree.hpp"

#include "base/own_xattrs.hpp"
#include "disk/path_names.hpp"
#include "tar/tar_writer.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <sys/stat.h>

namespace msb::volume {

namespace {

constexpr std::size_t max_entries = 4'000'000; ///< of one tree: a directory may be in a circle
constexpr std::size_t copy_size = std::size_t{256} << 10;

disk::Attributes attributes_of(const TarEntry& entry, bool owners) {
    disk::Attributes attributes{.mode = owners ? entry.mode : entry.mode & 01777,
                                .uid = owners ? entry.uid : 0,
                                .gid = owners ? entry.gid : 0,
                                .mtime = entry.mtime,
                                .mtime_nsec = entry.mtime_nsec};
    for (const auto& [name, value] : entry.xattrs)
        if (!name.starts_with(own_xattr_prefix) && (owners || name.starts_with("user.")))
            attributes.xattrs.emplace(name, value);
    return attributes;
}

disk::Attributes new_directory() {
    disk::Attributes attributes{.mode = 0755};
    attributes.mtime = ::time(nullptr);
    return attributes;
}

} // namespace

Result<bool> VolumeTree::is_directory(Inode inode) const {
    return S_ISDIR(MSB_TRY(tree_.look(inode)).mode);
}

Result<std::optional<VolumeTree::Inode>> VolumeTree::find(std::string_view path,
                                                          bool follow) const {
    std::vector<Inode> way = {disk::TreeWriter::root};
    disk::PathNames names(path);
    while (!names.empty()) {
        const std::string name = MSB_TRY(names.next());
        if (name == "..") {
            if (way.size() > 1)
                way.pop_back();
            continue;
        }
        const auto found = MSB_TRY(tree_.find(way.back(), name));
        if (!found)
            return std::nullopt;
        if (!S_ISLNK(MSB_TRY(tree_.look(*found)).mode) || (names.empty() && !follow)) {
            way.push_back(*found);
            continue;
        }
        if (MSB_TRY(names.follow(MSB_TRY(tree_.target(*found)))))
            way.resize(1);
    }
    return way.back();
}

// ---- out of the disk ----

struct VolumeTree::Packing {
    explicit Packing(Sink& to) : writer(to) {}
    TarWriter writer;
    std::map<Inode, std::string> files; ///< those that were packed, by the first of their names
    std::set<Inode> directories;
    std::size_t entries = 0;
};

Status VolumeTree::pack_file(Packing& packing, Inode inode, TarEntry entry) {
    if (const auto [first, fresh] = packing.files.try_emplace(inode, entry.path); !fresh) {
        entry.type = TarType::hard_link;
        entry.link = first->second;
        entry.size = 0;
        return packing.writer.begin(entry);
    }
    entry.extents = {{0, entry.size}};
    MSB_TRY(packing.writer.begin(entry));
    disk::FileReader file = MSB_TRY(disk::FileReader::open(fs_, inode));
    Bytes buffer(copy_size);
    for (std::uint64_t left = entry.size; left > 0;) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, copy_size));
        const std::size_t got = MSB_TRY(file.read(MutableBytesView(buffer).first(wanted)));
        if (got == 0)
            return fail(disk::damaged_disk("a file is shorter than it says"));
        MSB_TRY(packing.writer.data(BytesView(buffer).first(got)));
        left -= got;
    }
    return {};
}

Status VolumeTree::pack_one(Packing& packing, Inode inode, const std::string& path,
                            std::size_t depth) {
    if (depth > max_tree_depth || ++packing.entries > max_entries || path.size() > max_path_length)
        return fail(ErrorKind::limit_exceeded, "the tree is too large or too deep: " + path);
    const disk::Attributes found = MSB_TRY(tree_.look(inode));
    TarEntry entry;
    entry.path = path;
    entry.mode = found.mode & 07777;
    entry.uid = found.uid;
    entry.gid = found.gid;
    entry.mtime = found.mtime;
    entry.mtime_nsec = found.mtime_nsec;
    for (const auto& [name, value] : found.xattrs)
        if (name.starts_with("user.") && !name.starts_with(own_xattr_prefix))
            entry.xattrs.emplace(name, value);
    if (S_ISREG(found.mode)) {
        entry.size = found.size;
        return pack_file(packing, inode, std::move(entry));
    }
    if (S_ISLNK(found.mode)) {
        entry.type = TarType::symlink;
        entry.link = MSB_TRY(tree_.target(inode));
        return packing.writer.begin(entry);
    }
    if (!S_ISDIR(found.mode))
        return fail(ErrorKind::unsupported, "'" + path + "' is not a file, directory or link");
    if (!packing.directories.insert(inode).second)
        return fail(disk::damaged_disk("directories are in a circle"));
    entry.type = TarType::directory;
    MSB_TRY(packing.writer.begin(entry));
    for (const auto& [name, child] : MSB_TRY(tree_.list(inode))) {
        // Names that no file system call takes, and what every ext4 has.
        if (name.empty() || name.find_first_of(std::string_view("/\0", 2)) != std::string::npos ||
            (inode == disk::TreeWriter::root && name == "lost+found"))
            continue;
        MSB_TRY(pack_one(packing, child, path + "/" + name, depth + 1));
    }
    return {};
}

Status VolumeTree::pack(std::string_view path, bool follow, const std::string& name, Sink& to) {
    const auto inode = MSB_TRY(find(path, follow));
    if (!inode)
        return fail(Error::from_errno(ENOENT, "open", path));
    Packing packing(to);
    MSB_TRY(pack_one(packing, *inode, name, 0));
    return packing.writer.finish();
}

// ---- into the disk ----

struct VolumeTree::Unpacking {
    Inode top;
    std::optional<std::string> only;
    bool owners;
    std::map<std::string, Inode> files; ///< by their paths in the archive
};

/// A directory that is there, or is made.
Result<VolumeTree::Inode> VolumeTree::enter(Inode directory, const std::string& name) {
    const auto found = MSB_TRY(tree_.find(directory, name));
    if (!found)
        return tree_.make_directory(directory, name, new_directory());
    if (!MSB_TRY(is_directory(*found)))
        return fail(ErrorKind::already_exists, "'" + name + "' is in the way: it is no directory");
    return *found;
}

Status VolumeTree::make_directories(std::string_view path) {
    Inode directory = disk::TreeWriter::root;
    for (const std::string& name : disk::names_of_path(path)) {
        if (name == "..")
            return invalid("'..' in the path of a directory that is made");
        directory = MSB_TRY(enter(directory, name));
    }
    return {};
}

/// The parts of an entry's path, which stays below where the archive is unpacked.
Result<std::vector<std::string>> VolumeTree::place_of(const Unpacking& unpacking,
                                                      const TarEntry& entry) {
    std::vector<std::string> parts = disk::names_of_path(entry.path);
    if (entry.path.starts_with('/') || std::ranges::find(parts, "..") != parts.end() ||
        parts.size() > max_tree_depth)
        return fail(ErrorKind::corrupt, "the archive has a path that is refused: " + entry.path);
    if (unpacking.only && (parts.empty() || parts.front() != *unpacking.only))
        return fail(ErrorKind::corrupt, "the archive has more than '" + *unpacking.only + "'");
    return parts;
}

Status VolumeTree::unpack_one(Unpacking& unpacking, TarReader& reader, const TarEntry& entry) {
    const std::vector<std::string> parts = MSB_TRY(place_of(unpacking, entry));
    if (parts.empty())
        return {};
    Inode parent = unpacking.top;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i)
        parent = MSB_TRY(enter(parent, parts[i]));
    const std::string& name = parts.back();
    const auto there = MSB_TRY(tree_.find(parent, name));
    const bool directory = there && MSB_TRY(is_directory(*there));
    const bool wanted = entry.type == TarType::directory;
    if (there && directory != wanted)
        return fail(ErrorKind::already_exists, "'" + entry.path + "' is in the way");
    if (directory)
        return {};
    if (entry.type != TarType::hard_link)
        MSB_TRY(tree_.remove(parent, name));
    const disk::Attributes like = attributes_of(entry, unpacking.owners);
    switch (entry.type) {
    case TarType::directory: MSB_TRY(tree_.make_directory(parent, name, like)); return {};
    case TarType::symlink: MSB_TRY(tree_.make_link(parent, name, entry.link, like)); return {};
    case TarType::hard_link: return add_name(unpacking, parent, name, entry);
    case TarType::file: return unpack_file(unpacking, reader, parent, name, entry);
    default:
        return fail(ErrorKind::unsupported,
                    "'" + entry.path + "' is not a file, directory or link");
    }
}

Status VolumeTree::unpack_file(Unpacking& unpacking, TarReader& reader, Inode parent,
                               const std::string& name, const TarEntry& entry) {
    const Inode made =
        MSB_TRY(tree_.make_file(parent, name, attributes_of(entry, unpacking.owners)));
    disk::FileWriter file = MSB_TRY(disk::FileWriter::open(fs_, made));
    while (const auto data = MSB_TRY(reader.next_data()))
        MSB_TRY(file.write(data->offset, data->bytes));
    MSB_TRY(file.finish(entry.size));
    unpacking.files.insert_or_assign(entry.path, made);
    return {};
}

Status VolumeTree::add_name(const Unpacking& unpacking, Inode parent, const std::string& name,
                            const TarEntry& entry) {
    const auto known = unpacking.files.find(entry.link);
    if (known == unpacking.files.end())
        return fail(ErrorKind::corrupt, "'" + entry.path + "' is a name of nothing");
    if (MSB_TRY(tree_.find(parent, name)) == known->second)
        return {};
    MSB_TRY(tree_.remove(parent, name));
    return tree_.add_name(parent, name, known->second);
}

Status VolumeTree::unpack(std::string_view directory, const std::optional<std::string>& only,
                          bool owners, Source& archive) {
    const auto top = MSB_TRY(find(directory, true));
    if (!top || !MSB_TRY(is_directory(*top)))
        return fail(Error::from_errno(top ? ENOTDIR : ENOENT, "open", directory));
    Unpacking unpacking{*top, only, owners, {}};
    TarReader reader(archive);
    while (auto entry = MSB_TRY(reader.next()))
        MSB_TRY(unpack_one(unpacking, reader, *entry));
    return {};
}

} // namespace msb::volume
