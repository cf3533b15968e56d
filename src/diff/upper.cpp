#include "diff/upper.hpp"

#include "base/made_mark.hpp"
#include "disk/inode.hpp"

#include <algorithm>
#include <array>
#include <ext2fs/ext2fs.h>
#include <set>
#include <sys/stat.h>
#include <vector>

namespace msb::diff {

struct Upper::FileSystem : disk::FileSystem {};

namespace {

using disk::damaged_disk;

/// What the agent writes at each start.
constexpr std::array made_files = {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"};

/// Numbers that are small are where they always were, in fewer bits of the same places.
void put_device(UpperEntry& entry, const ext2_inode_large& inode) {
    const std::uint32_t device = inode.i_block[0] != 0 ? inode.i_block[0] : inode.i_block[1];
    entry.major = (device >> 8) & 0xfff;
    entry.minor = (device & 0xff) | ((device >> 12) & 0xfff00);
}

/// Whether the agent's mark is on it and says what there is. Root in the guest can set marks, too: so
/// they count only where they can hide nothing that outlives the next start.
bool is_ours(const std::string& path, const ext2_inode_large& inode,
             const disk::Xattrs& attributes) {
    const auto mark = attributes.get(made_mark);
    if (!mark)
        return false;
    struct stat info{};
    info.st_mode = inode.i_mode;
    info.st_uid = inode_uid(inode);
    info.st_gid = inode_gid(inode);
    info.st_size = S_ISREG(inode.i_mode) ? static_cast<off_t>(EXT2_I_SIZE(&inode)) : 0;
    const disk::InodeTime time = disk::modified(inode);
    info.st_mtim = {.tv_sec = time.seconds, .tv_nsec = time.nsec};
    const bool harmless = S_ISDIR(info.st_mode) || (S_ISREG(info.st_mode) && info.st_size == 0) ||
                          std::ranges::find(made_files, path) != made_files.end();
    return harmless && *mark == made_value(info);
}

Result<UpperEntry> describe(ext2_filsys fs, ext2_ino_t number, const std::string& path) {
    ext2_inode_large inode = MSB_TRY(disk::read_inode(fs, number));
    UpperEntry entry{.inode = number,
                     .mode = inode.i_mode,
                     .uid = inode_uid(inode),
                     .gid = inode_gid(inode),
                     .size = S_ISREG(inode.i_mode) ? EXT2_I_SIZE(&inode) : 0};
    if (S_ISLNK(entry.mode))
        entry.link = MSB_TRY(disk::link_target(fs, number, inode));
    if (S_ISCHR(entry.mode) || S_ISBLK(entry.mode))
        put_device(entry, inode);
    entry.whiteout = S_ISCHR(entry.mode) && entry.major == 0 && entry.minor == 0;
    const disk::Xattrs attributes = MSB_TRY(disk::Xattrs::of(fs, number));
    entry.from_image = attributes.get("trusted.overlay.origin").has_value();
    entry.attributes_only = attributes.get("trusted.overlay.metacopy").has_value();
    entry.redirect = attributes.get("trusted.overlay.redirect").value_or("");
    entry.opaque = attributes.get("trusted.overlay.opaque").has_value();
    entry.ours = is_ours(path, inode, attributes);
    for (const std::uint32_t part : {inode.i_mtime, inode.i_mtime_extra, inode.i_ctime,
                                     inode.i_ctime_extra, inode.i_generation})
        entry.stamp += std::to_string(part) + ".";
    return entry;
}

struct Names {
    std::vector<std::pair<std::string, ext2_ino_t>> list;
    bool too_many = false;
};

int take_name(ext2_dir_entry* entry, int, int, char*, void* into) {
    auto& names = *static_cast<Names*>(into);
    const auto length = static_cast<std::size_t>(ext2fs_dirent_name_len(entry));
    std::string name(static_cast<const char*>(entry->name), length);
    // Names that no file system call takes would make two paths of one.
    if (name == "." || name == ".." || name.empty() ||
        name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
        return 0;
    names.list.emplace_back(std::move(name), entry->inode);
    names.too_many = names.list.size() > Upper::max_entries;
    return names.too_many ? DIRENT_ABORT : 0;
}

/// Everything below a directory, without following anything.
class Walk {
  public:
    Walk(ext2_filsys fs, std::map<std::string, UpperEntry>& entries) : fs_(fs), entries_(entries) {}

    Status run(ext2_ino_t top) {
        todo_.push_back({"", top, 0});
        while (!todo_.empty()) {
            const Directory next = std::move(todo_.back());
            todo_.pop_back();
            MSB_TRY(read(next));
        }
        return {};
    }

  private:
    struct Directory {
        std::string path;
        ext2_ino_t inode;
        std::size_t depth;
    };

    Status read(const Directory& directory) {
        // A directory has one place; one that has two is in a circle, or will be.
        if (!seen_.insert(directory.inode).second || directory.depth > Upper::max_depth)
            return fail(damaged_disk("directories are in a circle"));
        Names names;
        MSB_EXT2(ext2fs_dir_iterate(fs_, directory.inode, 0, nullptr, take_name, &names),
                 "a directory");
        if (names.too_many || entries_.size() + names.list.size() > Upper::max_entries)
            return fail(ErrorKind::limit_exceeded, "the disk has more than a million files");
        for (auto& [name, inode] : names.list) {
            std::string path = directory.path + "/" + name;
            UpperEntry entry = MSB_TRY(describe(fs_, inode, path));
            if (entry.is_directory())
                todo_.push_back({path, inode, directory.depth + 1});
            entries_.insert_or_assign(std::move(path), std::move(entry));
        }
        return {};
    }

    ext2_filsys fs_;
    std::map<std::string, UpperEntry>& entries_;
    std::vector<Directory> todo_;
    std::set<ext2_ino_t> seen_;
};

} // namespace

bool UpperEntry::is_file() const {
    return S_ISREG(mode);
}

bool UpperEntry::is_directory() const {
    return S_ISDIR(mode);
}

Result<Upper> Upper::open(int disk) {
    const auto fs =
        std::make_shared<FileSystem>(FileSystem{MSB_TRY(disk::FileSystem::open(disk, false))});
    ext2_ino_t top = 0;
    MSB_EXT2(ext2fs_namei(fs->get(), EXT2_ROOT_INO, EXT2_ROOT_INO, "/upper", &top),
             "it has no upper directory");
    Upper upper(fs);
    MSB_TRY(Walk(fs->get(), upper.entries_).run(top));
    return upper;
}

Result<ReadAt> Upper::reader(const UpperEntry& file) const {
    ext2_file_t opened = nullptr;
    MSB_EXT2(ext2fs_file_open(fs_->get(), file.inode, 0, &opened), "a file");
    const std::shared_ptr<ext2_file> held(opened, ext2fs_file_close);
    return [held](std::uint64_t offset, MutableBytesView buffer) -> Status {
        unsigned got = 0;
        MSB_EXT2(ext2fs_file_llseek(held.get(), offset, EXT2_SEEK_SET, nullptr), "a file");
        MSB_EXT2(
            ext2fs_file_read(held.get(), buffer.data(), static_cast<unsigned>(buffer.size()), &got),
            "a file");
        return got == buffer.size() ? Status() : fail(damaged_disk("a file is cut off"));
    };
}

} // namespace msb::diff
