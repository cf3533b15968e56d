#include "disk/inode.hpp"

#include <algorithm>
#include <memory>
#include <sys/stat.h>

namespace msb::disk {

Result<ext2_inode_large> read_inode(ext2_filsys fs, ext2_ino_t number) {
    ext2_inode_large inode{};
    MSB_EXT2(ext2fs_read_inode_full(fs, number, reinterpret_cast<ext2_inode*>(&inode),
                                    static_cast<int>(sizeof(inode))),
             "an inode");
    return inode;
}

InodeTime modified(const ext2_inode_large& inode) {
    return {static_cast<std::int32_t>(inode.i_mtime) +
                (static_cast<std::int64_t>(inode.i_mtime_extra & 3) << 32),
            inode.i_mtime_extra >> 2};
}

Result<std::string> link_target(ext2_filsys fs, ext2_ino_t number, ext2_inode_large& inode) {
    const std::uint64_t size = EXT2_I_SIZE(&inode);
    if (!S_ISLNK(inode.i_mode) || size > max_link_target)
        return fail(damaged_disk("a symbolic link"));
    if (ext2fs_is_fast_symlink(reinterpret_cast<ext2_inode*>(&inode)))
        return std::string(reinterpret_cast<const char*>(inode.i_block),
                           std::min<std::size_t>(size, sizeof(inode.i_block)));
    ext2_file_t file = nullptr;
    MSB_EXT2(ext2fs_file_open(fs, number, 0, &file), "a symbolic link");
    const std::unique_ptr<ext2_file, errcode_t (*)(ext2_file_t)> closing(file, ext2fs_file_close);
    std::string text(static_cast<std::size_t>(size), '\0');
    unsigned got = 0;
    MSB_EXT2(ext2fs_file_read(file, text.data(), static_cast<unsigned>(size), &got),
             "a symbolic link");
    text.resize(got);
    return text;
}

Result<Xattrs> Xattrs::of(ext2_filsys fs, ext2_ino_t inode) {
    Xattrs opened;
    MSB_EXT2(ext2fs_xattrs_open(fs, inode, &opened.handle_), "attributes");
    MSB_EXT2(ext2fs_xattrs_read(opened.handle_), "attributes");
    return opened;
}

Xattrs::~Xattrs() {
    if (handle_ != nullptr)
        ext2fs_xattrs_close(&handle_);
}

std::optional<std::string> Xattrs::get(const char* name) const {
    void* value = nullptr;
    std::size_t size = 0;
    if (ext2fs_xattr_get(handle_, name, &value, &size) != 0)
        return std::nullopt;
    std::string text(static_cast<const char*>(value), size);
    ext2fs_free_mem(&value);
    return text;
}

Result<std::map<std::string, std::string>> Xattrs::all() const {
    std::map<std::string, std::string> found;
    const auto take = [](char* name, char* value, std::size_t size, void* into) {
        auto& map = *static_cast<std::map<std::string, std::string>*>(into);
        map.insert_or_assign(name, std::string(value, size));
        return 0;
    };
    MSB_EXT2(ext2fs_xattrs_iterate(handle_, take, &found), "attributes");
    return found;
}

Status Xattrs::set(const std::string& name, const std::string& value) {
    MSB_EXT2(ext2fs_xattr_set(handle_, name.c_str(), value.data(), value.size()),
             "attribute '" + name + "'");
    return {};
}

} // namespace msb::disk
