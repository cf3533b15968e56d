// An inode of an ext4 file system and what belongs to it, as libext2fs has them.
#pragma once

#include "disk/disk_channel.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace msb::disk {

inline constexpr std::uint64_t max_link_target = 4095;

Result<ext2_inode_large> read_inode(ext2_filsys fs, ext2_ino_t number);

struct InodeTime {
    std::int64_t seconds = 0; ///< of Unix
    std::uint32_t nsec = 0;
};
InodeTime modified(const ext2_inode_large& inode);

/// `corrupt` if it is no symbolic link, or too long for one.
Result<std::string> link_target(ext2_filsys fs, ext2_ino_t number, ext2_inode_large& inode);

/// The extended attributes of an inode.
class Xattrs {
  public:
    static Result<Xattrs> of(ext2_filsys fs, ext2_ino_t inode);
    Xattrs(Xattrs&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Xattrs& operator=(Xattrs&&) = delete;
    ~Xattrs();

    std::optional<std::string> get(const char* name) const;
    Result<std::map<std::string, std::string>> all() const;
    Status set(const std::string& name, const std::string& value);

  private:
    Xattrs() = default;
    ext2_xattr_handle* handle_ = nullptr;
};

} // namespace msb::disk
