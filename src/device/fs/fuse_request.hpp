// Requests of the FUSE protocol (<linux/fuse.h>, 7.31 and later) as virtio-fs carries them.
//
// The decoder is a pure function of bytes that a hostile guest chose. What it returns is
// well-formed: names are single components of at most NAME_MAX bytes that are neither "." nor "..",
// texts hold no NUL byte, sizes agree with the message. What the numbers mean is checked by whoever
// executes it.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <expected>
#include <linux/fuse.h>
#include <string_view>
#include <variant>

namespace msb::device::fuse {

struct Init {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint32_t max_readahead = 0;
    std::uint32_t flags = 0;
};
struct Destroy {};
struct Lookup {
    std::string_view name;
};
struct Forget {
    std::uint64_t count = 0;
};
struct BatchForget {
    BytesView entries; ///< a whole number of fuse_forget_one

    std::size_t size() const { return entries.size() / sizeof(fuse_forget_one); }
    fuse_forget_one at(std::size_t index) const;
};
struct GetAttributes {};
struct GetStatx {};
struct SetAttributes {
    fuse_setattr_in in;
};
struct ReadLink {};
struct MakeLink { ///< a symbolic link
    std::string_view name;
    std::string_view target;
};
struct MakeNode {
    std::uint32_t mode = 0;
    std::uint32_t rdev = 0;
    std::string_view name;
};
struct MakeDirectory {
    std::uint32_t mode = 0;
    std::string_view name;
};
struct Unlink {
    std::string_view name;
    bool directory = false;
};
struct Rename {
    std::uint64_t new_parent = 0;
    std::uint32_t flags = 0; ///< of renameat2(2)
    std::string_view name;
    std::string_view new_name;
};
struct HardLink {
    std::uint64_t node = 0;
    std::string_view name;
};
struct Open {
    std::uint32_t flags = 0; ///< of open(2)
    bool kill_privileges = false;
    bool directory = false;
};
struct Create {
    std::uint32_t flags = 0;
    std::uint32_t mode = 0;
    bool kill_privileges = false;
    std::string_view name;
};
struct MakeUnnamed { ///< O_TMPFILE
    std::uint32_t flags = 0;
    std::uint32_t mode = 0;
};
struct Read {
    std::uint64_t handle = 0;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
};
/// The data stays where it is: in guest memory.
struct Write {
    std::uint64_t handle = 0;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t open_flags = 0; ///< of the open file, as they are now
    bool kill_privileges = false;
};
struct Release {
    std::uint64_t handle = 0;
    bool directory = false;
};
struct Sync {
    std::uint64_t handle = 0;
    bool data_only = false;
    bool directory = false;
};
struct Flush { ///< of a descriptor that is closed
    std::uint64_t owner = 0;
};
struct GetLock {
    std::uint64_t handle = 0;
    std::uint64_t owner = 0;
    fuse_file_lock lock{};
};
struct SetLock {
    std::uint64_t handle = 0;
    std::uint64_t owner = 0;
    fuse_file_lock lock{};
    bool whole_file = false; ///< of flock(2)
    bool wait = false;
};
struct StatFs {};
struct SetXattr {
    std::uint32_t flags = 0; ///< of setxattr(2)
    std::string_view name;
    BytesView value;
};
struct GetXattr {
    std::uint32_t size = 0; ///< 0: how large is it
    std::string_view name;
};
struct ListXattr {
    std::uint32_t size = 0;
};
struct RemoveXattr {
    std::string_view name;
};
struct ReadDirectory {
    std::uint64_t handle = 0;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    bool plus = false; ///< every entry is looked up as well
};
struct Allocate {
    std::uint64_t handle = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint32_t mode = 0; ///< of fallocate(2)
};
struct Seek {
    std::uint64_t handle = 0;
    std::uint64_t offset = 0;
    std::uint32_t whence = 0; ///< of lseek(2)
};
struct CopyRange {
    fuse_copy_file_range_in in;
};

// Of version 7.39, which <linux/fuse.h> of Debian 12 does not have.
constexpr std::uint32_t opcode_statx = 52;
struct StatxIn {
    std::uint32_t getattr_flags;
    std::uint32_t reserved;
    std::uint64_t fh;
    std::uint32_t flags;
    std::uint32_t mask;
};
struct StatxTime {
    std::int64_t seconds;
    std::uint32_t nanoseconds;
    std::int32_t reserved;
};
struct StatxOut {
    std::uint64_t attr_valid;
    std::uint32_t attr_valid_nsec;
    std::uint32_t flags;
    std::uint64_t spare[2];
    std::uint32_t mask; ///< from here on as in statx(2)
    std::uint32_t blksize;
    std::uint64_t attributes;
    std::uint32_t nlink;
    std::uint32_t uid;
    std::uint32_t gid;
    std::uint16_t mode;
    std::uint16_t spare0;
    std::uint64_t ino;
    std::uint64_t size;
    std::uint64_t blocks;
    std::uint64_t attributes_mask;
    StatxTime atime, btime, ctime, mtime;
    std::uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    std::uint64_t spare2[14];
};
static_assert(sizeof(StatxOut) == 32 + 256);

using Operation = std::variant<Init, Destroy, Lookup, Forget, BatchForget, GetAttributes, GetStatx,
                               SetAttributes, ReadLink, MakeLink, MakeNode, MakeDirectory, Unlink,
                               Rename, HardLink, Open, Create, MakeUnnamed, Read, Write, Release,
                               Sync, Flush, GetLock, SetLock, StatFs, SetXattr, GetXattr, ListXattr,
                               RemoveXattr, ReadDirectory, Allocate, Seek, CopyRange>;

/// What precedes every request, and follows in the body of a write before its data.
constexpr std::size_t header_size = sizeof(fuse_in_header);
constexpr std::size_t write_prefix_size = sizeof(fuse_write_in);
/// Larger bodies (other than writes) are refused: the largest valid one sets an extended attribute.
constexpr std::size_t max_body = std::size_t{128} << 10;

/// `body` is what follows the header, without the data of a write, whose size is `data_size`. Texts
/// of the result point into it. An error is the errno to answer with: EINVAL, ENAMETOOLONG, or
/// ENOSYS for an operation that this server does not have.
std::expected<Operation, int> decode(std::uint32_t opcode, BytesView body,
                                     std::uint64_t data_size = 0);

/// The guest expects no answer to it.
bool is_silent(std::uint32_t opcode);

} // namespace msb::device::fuse
