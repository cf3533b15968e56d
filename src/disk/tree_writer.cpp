#include "disk/tree_writer.hpp"

#include "disk/inode.hpp"

#include <ctime>
#include <functional>
#include <sys/stat.h>
#include <vector>

namespace msb::disk {

namespace {

/// i_extra_isize of the file systems we make: all fields that ext2_inode_large has.
constexpr std::uint16_t extra_size =
    sizeof(ext2_inode_large) - static_cast<std::size_t>(EXT2_GOOD_OLD_INODE_SIZE);

/// A time as an inode has it: seconds, and nanoseconds with two more bits of the seconds.
void put_time(std::uint32_t& seconds, std::uint32_t& extra, std::int64_t time, std::uint32_t nsec) {
    seconds = static_cast<std::uint32_t>(time);
    const auto high = static_cast<std::uint64_t>(time - static_cast<std::int32_t>(seconds)) >> 32;
    extra = static_cast<std::uint32_t>(nsec << 2 | (high & 3));
}

void put_attributes(ext2_inode_large& inode, const Attributes& like) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto nsec = static_cast<std::uint32_t>(now.tv_nsec);
    inode.i_mode = static_cast<std::uint16_t>((inode.i_mode & S_IFMT) | (like.mode & 07777));
    inode.i_uid = static_cast<std::uint16_t>(like.uid);
    inode.i_gid = static_cast<std::uint16_t>(like.gid);
    inode.osd2.linux2.l_i_uid_high = static_cast<std::uint16_t>(like.uid >> 16);
    inode.osd2.linux2.l_i_gid_high = static_cast<std::uint16_t>(like.gid >> 16);
    inode.i_extra_isize = extra_size;
    put_time(inode.i_mtime, inode.i_mtime_extra, like.mtime, like.mtime_nsec);
    put_time(inode.i_atime, inode.i_atime_extra, like.mtime, like.mtime_nsec);
    put_time(inode.i_ctime, inode.i_ctime_extra, now.tv_sec, nsec);
    put_time(inode.i_crtime, inode.i_crtime_extra, now.tv_sec, nsec);
}

Status write_inode(ext2_filsys fs, ext2_ino_t number, ext2_inode_large& inode) {
    MSB_EXT2(ext2fs_write_inode_full(fs, number, reinterpret_cast<ext2_inode*>(&inode),
                                     static_cast<int>(sizeof(inode))),
             "an inode");
    return {};
}

Status check_name(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.size() > EXT2_NAME_LEN ||
        name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
        return invalid("'" + name + "' is no name of a file");
    return {};
}

} // namespace

Result<std::optional<TreeWriter::Inode>> TreeWriter::find(Inode directory,
                                                          const std::string& name) const {
    ext2_ino_t found = 0;
    const errcode_t code =
        ext2fs_lookup(fs_, directory, name.data(), static_cast<int>(name.size()), nullptr, &found);
    if (code == EXT2_ET_FILE_NOT_FOUND || code == EXT2_ET_NO_DIRECTORY)
        return std::nullopt;
    MSB_EXT2(code, "a directory");
    return found;
}

Result<Attributes> TreeWriter::look(Inode number) const {
    const ext2_inode_large inode = MSB_TRY(read_inode(fs_, number));
    const InodeTime time = modified(inode);
    return Attributes{.mode = inode.i_mode,
                      .uid = inode_uid(inode),
                      .gid = inode_gid(inode),
                      .mtime = time.seconds,
                      .mtime_nsec = time.nsec,
                      .size = S_ISREG(inode.i_mode) ? EXT2_I_SIZE(&inode) : 0,
                      .xattrs = MSB_TRY(MSB_TRY(Xattrs::of(fs_, number)).all())};
}

Result<std::string> TreeWriter::target(Inode number) const {
    ext2_inode_large inode = MSB_TRY(read_inode(fs_, number));
    return link_target(fs_, number, inode);
}

Status TreeWriter::add_entry(Inode directory, const std::string& name, Inode inode, int type) {
    errcode_t code = ext2fs_link(fs_, directory, name.c_str(), inode, type);
    if (code == EXT2_ET_DIR_NO_SPACE) {
        MSB_EXT2(ext2fs_expand_dir(fs_, directory), "a directory");
        code = ext2fs_link(fs_, directory, name.c_str(), inode, type);
    }
    MSB_EXT2(code, "a directory");
    return {};
}

Status TreeWriter::set_xattr(Inode inode, const std::string& name, const std::string& value) {
    return MSB_TRY(Xattrs::of(fs_, inode)).set(name, value);
}

Status TreeWriter::set_attributes(Inode number, const Attributes& like) {
    ext2_inode_large inode = MSB_TRY(read_inode(fs_, number));
    put_attributes(inode, like);
    MSB_TRY(write_inode(fs_, number, inode));
    if (like.xattrs.empty())
        return {};
    Xattrs xattrs = MSB_TRY(Xattrs::of(fs_, number));
    for (const auto& [name, value] : like.xattrs)
        MSB_TRY(xattrs.set(name, value));
    return {};
}

Result<TreeWriter::Inode> TreeWriter::make_directory(Inode directory, const std::string& name,
                                                     const Attributes& like) {
    MSB_TRY(check_name(name));
    errcode_t code = ext2fs_mkdir(fs_, directory, 0, name.c_str());
    if (code == EXT2_ET_DIR_NO_SPACE) {
        MSB_EXT2(ext2fs_expand_dir(fs_, directory), "a directory");
        code = ext2fs_mkdir(fs_, directory, 0, name.c_str());
    }
    MSB_EXT2(code, "a directory");
    const auto made = MSB_TRY(find(directory, name));
    if (!made)
        return fail(damaged_disk("a new directory is not there"));
    MSB_TRY(set_attributes(*made, like));
    return *made;
}

Result<TreeWriter::Inode> TreeWriter::make_link(Inode directory, const std::string& name,
                                                const std::string& target, const Attributes& like) {
    MSB_TRY(check_name(name));
    if (target.empty() || target.size() > max_link_target || target.find('\0') != std::string::npos)
        return invalid("a symbolic link cannot lead to '" + target + "'");
    errcode_t code = ext2fs_symlink(fs_, directory, 0, name.c_str(), target.c_str());
    if (code == EXT2_ET_DIR_NO_SPACE) {
        MSB_EXT2(ext2fs_expand_dir(fs_, directory), "a directory");
        code = ext2fs_symlink(fs_, directory, 0, name.c_str(), target.c_str());
    }
    MSB_EXT2(code, "a symbolic link");
    const auto made = MSB_TRY(find(directory, name));
    if (!made)
        return fail(damaged_disk("a new link is not there"));
    Attributes attributes = like;
    attributes.mode = 0777;
    MSB_TRY(set_attributes(*made, attributes));
    return *made;
}

Result<TreeWriter::Inode> TreeWriter::make_inode(Inode directory, const std::string& name,
                                                 const Attributes& like, int type,
                                                 std::uint64_t device) {
    MSB_TRY(check_name(name));
    ext2_ino_t number = 0;
    MSB_EXT2(ext2fs_new_inode(fs_, directory, static_cast<int>(like.mode), nullptr, &number),
             "a file");
    ext2_inode_large inode{};
    inode.i_mode = static_cast<std::uint16_t>(like.mode & S_IFMT);
    inode.i_links_count = 1;
    put_attributes(inode, like);
    inode.i_block[0] = static_cast<std::uint32_t>(device);
    inode.i_block[1] = static_cast<std::uint32_t>(device >> 32);
    if (S_ISREG(like.mode)) {
        inode.i_flags |= EXT4_EXTENTS_FL;
        ext2_extent_handle_t extents = nullptr; // opening it makes the empty tree
        MSB_EXT2(ext2fs_extent_open2(fs_, number, reinterpret_cast<ext2_inode*>(&inode), &extents),
                 "a file");
        ext2fs_extent_free(extents);
    }
    ext2fs_inode_alloc_stats2(fs_, number, +1, 0);
    MSB_TRY(write_inode(fs_, number, inode));
    if (!like.xattrs.empty())
        MSB_TRY(set_attributes(number, like));
    MSB_TRY(add_entry(directory, name, number, type));
    return number;
}

Result<TreeWriter::Inode> TreeWriter::make_file(Inode directory, const std::string& name,
                                                const Attributes& like) {
    Attributes attributes = like;
    attributes.mode = S_IFREG | (like.mode & 07777);
    return make_inode(directory, name, attributes, EXT2_FT_REG_FILE);
}

Result<TreeWriter::Inode> TreeWriter::make_node(Inode directory, const std::string& name,
                                                const Attributes& like, std::uint32_t major,
                                                std::uint32_t minor) {
    int type = EXT2_FT_SOCK;
    std::uint64_t device = 0;
    if (S_ISCHR(like.mode) || S_ISBLK(like.mode)) {
        type = S_ISCHR(like.mode) ? EXT2_FT_CHRDEV : EXT2_FT_BLKDEV;
        // The old form of a number, which is of 16 bits, and the new one behind it.
        const bool old = major < 256 && minor < 256;
        const std::uint64_t number =
            old ? major << 8 | minor : (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
        device = old ? number : number << 32;
    } else if (S_ISFIFO(like.mode)) {
        type = EXT2_FT_FIFO;
    }
    return make_inode(directory, name, like, type, device);
}

Status TreeWriter::make_whiteout(Inode directory, const std::string& name) {
    (void)MSB_TRY(make_inode(directory, name, {.mode = S_IFCHR}, EXT2_FT_CHRDEV));
    return {};
}

Status TreeWriter::add_name(Inode directory, const std::string& name, Inode number) {
    MSB_TRY(check_name(name));
    ext2_inode_large inode = MSB_TRY(read_inode(fs_, number));
    if (!S_ISREG(inode.i_mode) || inode.i_links_count >= EXT2_LINK_MAX)
        return fail(ErrorKind::limit_exceeded, "no more names can be given to '" + name + "'");
    MSB_TRY(add_entry(directory, name, number, EXT2_FT_REG_FILE));
    ++inode.i_links_count;
    return write_inode(fs_, number, inode);
}

namespace {

int take_child(ext2_dir_entry* entry, int, int, char*, void* into) {
    auto& children = *static_cast<std::vector<TreeWriter::Child>*>(into);
    std::string name(static_cast<const char*>(entry->name),
                     static_cast<std::size_t>(ext2fs_dirent_name_len(entry)));
    if (name != "." && name != "..")
        children.push_back({std::move(name), entry->inode});
    return children.size() > TreeWriter::max_names ? DIRENT_ABORT : 0;
}

} // namespace

Result<std::vector<TreeWriter::Child>> TreeWriter::list(Inode directory) const {
    std::vector<Child> children;
    MSB_EXT2(ext2fs_dir_iterate(fs_, directory, 0, nullptr, take_child, &children), "a directory");
    if (children.size() > max_names)
        return fail(ErrorKind::limit_exceeded, "a directory has more than a million names");
    return children;
}

Status TreeWriter::free_inode(Inode number) {
    ext2_inode_large inode = MSB_TRY(read_inode(fs_, number));
    auto* const small = reinterpret_cast<ext2_inode*>(&inode);
    const bool directory = S_ISDIR(inode.i_mode);
    if (!directory && inode.i_links_count > 1) {
        --inode.i_links_count;
        return write_inode(fs_, number, inode);
    }
    inode.i_links_count = 0;
    inode.i_dtime = static_cast<std::uint32_t>(::time(nullptr));
    MSB_EXT2(ext2fs_free_ext_attr(fs_, number, &inode), "attributes");
    if (ext2fs_inode_has_valid_blocks2(fs_, small))
        MSB_EXT2(ext2fs_punch(fs_, number, small, nullptr, 0, ~blk64_t{0}), "a file's blocks");
    MSB_TRY(write_inode(fs_, number, inode));
    ext2fs_inode_alloc_stats2(fs_, number, -1, directory ? 1 : 0);
    return {};
}

/// A damaged directory may be below itself: `left` ends that.
Status TreeWriter::remove_inode(Inode number, std::size_t depth, std::size_t& left) {
    const ext2_inode_large inode = MSB_TRY(read_inode(fs_, number));
    if (S_ISDIR(inode.i_mode)) {
        const std::vector<Child> children = MSB_TRY(list(number));
        if (depth > max_depth || children.size() > left)
            return fail(ErrorKind::limit_exceeded, "a directory is too large to be removed");
        left -= children.size();
        for (const Child& child : children)
            MSB_TRY(remove_inode(child.inode, depth + 1, left));
    }
    return free_inode(number);
}

Status TreeWriter::remove(Inode directory, const std::string& name) {
    const auto found = MSB_TRY(find(directory, name));
    if (!found)
        return {};
    const bool is_directory = S_ISDIR(MSB_TRY(read_inode(fs_, *found)).i_mode);
    MSB_EXT2(ext2fs_unlink(fs_, directory, name.c_str(), *found, 0), "a directory");
    std::size_t left = max_names;
    MSB_TRY(remove_inode(*found, 0, left));
    if (!is_directory)
        return {};
    ext2_inode_large parent = MSB_TRY(read_inode(fs_, directory));
    if (parent.i_links_count > 2) // its ".." is gone
        --parent.i_links_count;
    return write_inode(fs_, directory, parent);
}

Result<FileReader> FileReader::open(FileSystem& fs, TreeWriter::Inode inode) {
    ext2_file_t file = nullptr;
    MSB_EXT2(ext2fs_file_open(fs.get(), inode, 0, &file), "a file");
    return FileReader(file);
}

FileReader::~FileReader() {
    if (file_ != nullptr)
        (void)ext2fs_file_close(file_);
}

Result<std::size_t> FileReader::read(MutableBytesView buffer) {
    unsigned got = 0;
    MSB_EXT2(ext2fs_file_read(file_, buffer.data(), static_cast<unsigned>(buffer.size()), &got),
             "a file");
    return got;
}

Result<FileWriter> FileWriter::open(FileSystem& fs, TreeWriter::Inode inode) {
    ext2_file_t file = nullptr;
    MSB_EXT2(ext2fs_file_open(fs.get(), inode, EXT2_FILE_WRITE, &file), "a file");
    return FileWriter(file);
}

FileWriter::~FileWriter() {
    if (file_ != nullptr)
        (void)ext2fs_file_close(file_);
}

Status FileWriter::write(std::uint64_t offset, BytesView data) {
    MSB_EXT2(ext2fs_file_llseek(file_, offset, EXT2_SEEK_SET, nullptr), "a file");
    while (!data.empty()) {
        unsigned count = 0;
        MSB_EXT2(ext2fs_file_write(file_, data.data(), static_cast<unsigned>(data.size()), &count),
                 "a file");
        data = data.subspan(count);
    }
    return {};
}

Status FileWriter::finish(std::uint64_t size) {
    MSB_EXT2(ext2fs_file_set_size2(file_, size), "a file");
    MSB_EXT2(ext2fs_file_close(std::exchange(file_, nullptr)), "a file");
    return {};
}

} // namespace msb::disk
