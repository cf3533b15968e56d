// core.fs.*: file operations. Enum variants with data are maps of one entry {"Variant": {...}}.
//
// An operation is one core.fs.request and one core.fs.response. Streams have core.fs.data frames in
// between: from the agent for Read and ReadTree, from the client for Write and WriteTree, which the
// client ends with an empty one. core.fs.cancel (new) ends any of them early; its response then has
// the kind "cancelled". One connection's operations run in the order of their requests; streams run
// beside them from there on.
#pragma once

#include "wire/messages.hpp"

#include <variant>

namespace msb::wire {

/// What to change; absent = leave. Times in seconds since the Unix epoch.
struct FsAttributes {
    std::optional<std::uint32_t> mode;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    std::optional<std::uint64_t> size;
    std::optional<std::int64_t> atime;
    std::optional<std::int64_t> mtime;
    std::optional<std::uint32_t> atime_nsec; ///< new; with atime
    std::optional<std::uint32_t> mtime_nsec; ///< new; with mtime
};

struct FsOpenOptions {
    bool read = false;
    bool write = false;
    bool append = false;
    bool create = false;
    bool truncate = false;
    bool create_new = false;
    std::optional<std::uint32_t> mode;
};

struct FsRealPath {
    std::string path;
};
struct FsStat {
    std::string path;
    bool follow_symlink = true;
};
struct FsSetStat {
    std::string path;
    bool follow_symlink = true;
    FsAttributes attrs;
};
struct FsList {
    std::string path;
};
struct FsReadLink {
    std::string path;
};
struct FsSymlink {
    std::string target;
    std::string link_path;
};
struct FsMkdir {
    std::string path; ///< missing parents are made too
    std::optional<std::uint32_t> mode;
};
struct FsRemove {
    std::string path;
};
struct FsRemoveDir {
    std::string path;
    bool recursive = false;
};
struct FsCopy {
    std::string src; ///< a single file
    std::string dst;
};
struct FsRename {
    std::string src;
    std::string dst;
};
struct FsOpenFile {
    std::string path;
    FsOpenOptions options;
};
struct FsOpenDir {
    std::string path;
};
struct FsCloseHandle {
    std::uint64_t handle = 0;
};
struct FsRead {
    std::uint64_t handle = 0;
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> len; ///< absent: to the end
};
struct FsWrite {
    std::uint64_t handle = 0;
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> len; ///< absent: until empty data
};
struct FsReadDir {
    std::uint64_t handle = 0;
    std::optional<std::uint32_t> limit;
};
struct FsFStat {
    std::uint64_t handle = 0;
};
struct FsFSetStat {
    std::uint64_t handle = 0;
    FsAttributes attrs;
};

// --- new operations ---

struct FsGetXattr {
    std::string path;
    std::string name;
    bool follow_symlink = true;
};
struct FsSetXattr {
    std::string path;
    std::string name;
    Bytes value;
    bool follow_symlink = true;
    bool create_new = false; ///< it must not exist yet
    bool replace = false;    ///< it must exist
};
struct FsListXattr {
    std::string path;
    bool follow_symlink = true;
};
struct FsRemoveXattr {
    std::string path;
    std::string name;
    bool follow_symlink = true;
};
/// A hard link. A symbolic link as `src` is itself linked to, not followed.
struct FsLink {
    std::string src;
    std::string dst;
};
struct FsFSync {
    std::uint64_t handle = 0;
    bool data_only = false;
};
struct FsStatFs {
    std::string path;
};
struct FsTruncate {
    std::string path;
    std::uint64_t size = 0;
};
/// Streams a file or a whole tree as a pax archive (POSIX.1-2001): modes, owners, times in
/// nanoseconds, symbolic and hard links, extended attributes, holes. Symbolic links are archived as
/// such, `path` itself included, unless it ends in "/" or "/.".
struct FsReadTree {
    std::string path;
    std::optional<std::string> name; ///< what `path` is called in the archive; its base name
    bool own_xattrs = false;         ///< also user.msb.*, which only a share gives a meaning
};
/// Unpacks an archive of any tar dialect below the directory `path`. Nothing outside is touched,
/// whatever names and links the archive holds; a file appears whole or not at all.
struct FsWriteTree {
    std::string path;
    std::optional<std::string> only; ///< refuse entries that are not this name or below it
    bool owners = false;             ///< set owners and all extended attributes, not only user.*
    bool overwrite = true;           ///< replace what exists
    bool own_xattrs = false;         ///< set user.msb.* too
};

using FsOp =
    std::variant<FsRealPath, FsStat, FsSetStat, FsList, FsReadLink, FsSymlink, FsMkdir, FsRemove,
                 FsRemoveDir, FsCopy, FsRename, FsOpenFile, FsOpenDir, FsCloseHandle, FsRead,
                 FsWrite, FsReadDir, FsFStat, FsFSetStat, FsGetXattr, FsSetXattr, FsListXattr,
                 FsRemoveXattr, FsLink, FsFSync, FsStatFs, FsTruncate, FsReadTree, FsWriteTree>;

/// "Stat", "OpenFile", ...: the variant's name on the wire.
std::string_view operation_name(const FsOp& op);

struct FsRequest {
    FsOp op;
    /// New: act as this USER[:GROUP] of the guest instead of root, with its permissions.
    std::optional<std::string> user;
    bool extended = false; ///< new: entries carry the members marked so; omitted when false
    /// New: data of an upload are sent as core.flow.window permits; omitted when false, and without
    /// meaning in other operations.
    bool flow = false;
    MSB_WIRE_MESSAGE(FsRequest, "core.fs.request", 2, flag_session_start);
};

enum class FsEntryKind { file, dir, symlink, other };

struct FsEntry {
    std::string path;
    FsEntryKind kind = FsEntryKind::other;
    std::uint64_t size = 0;
    std::uint32_t mode = 0;
    std::optional<std::int64_t> modified;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::optional<std::int64_t> atime;
    std::optional<std::int64_t> mtime;
    // New, and only in answers to requests that ask for extended entries.
    std::optional<std::uint32_t> atime_nsec;
    std::optional<std::uint32_t> mtime_nsec;
    std::optional<std::int64_t> ctime;
    std::optional<std::uint32_t> ctime_nsec;
    std::optional<std::uint64_t> inode;
    std::optional<std::uint64_t> links;
    std::optional<std::uint64_t> allocated; ///< bytes on disk
    std::optional<std::uint64_t> device;    ///< number of a device node
};

/// Answer to StatFs, in bytes.
struct FsSpace {
    std::uint64_t total = 0;
    std::uint64_t free = 0;
    std::uint64_t available = 0; ///< to users other than root
    std::uint64_t inodes = 0;
    std::uint64_t inodes_free = 0;
    std::uint32_t block_size = 0;
    std::uint32_t name_max = 0;
    bool read_only = false;
};

/// "Stat" entry, "List" entries, "Handle" number, "Path" text; new: "Bytes" (an attribute's value),
/// "Names", "Space".
using FsResponseData = std::variant<FsEntry, std::vector<FsEntry>, std::uint64_t, std::string,
                                    Bytes, std::vector<std::string>, FsSpace>;

struct FsResponse {
    bool ok = false;
    std::optional<std::string> error;
    std::optional<FsResponseData> data;
    // New, all omitted on success.
    std::optional<std::int32_t> sys_errno; ///< "errno", if a system call failed
    std::optional<std::string> errno_name; ///< "ENOENT"
    std::optional<std::string> kind;       ///< an ErrorKind's name: "not_found", "cancelled", ...
    MSB_WIRE_MESSAGE(FsResponse, "core.fs.response", 2, flag_terminal);
};

/// Empty data = end of what is written.
MSB_WIRE_DATA_MESSAGE(FsData, "core.fs.data", 2);

/// New. Ends the operation of this id; without one, it is ignored.
struct FsCancel {
    MSB_WIRE_MESSAGE(FsCancel, "core.fs.cancel", 7, 0);
};

} // namespace msb::wire
