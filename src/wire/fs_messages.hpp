// core.fs.*: file operations. Enum variants with data are maps of one entry {"Variant": {...}}.
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

using FsOp = std::variant<FsRealPath, FsStat, FsSetStat, FsList, FsReadLink, FsSymlink, FsMkdir,
                          FsRemove, FsRemoveDir, FsCopy, FsRename, FsOpenFile, FsOpenDir,
                          FsCloseHandle, FsRead, FsWrite, FsReadDir, FsFStat, FsFSetStat>;

struct FsRequest {
    FsOp op;
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
};

/// "Stat" entry, "List" entries, "Handle" number, "Path" text.
using FsResponseData = std::variant<FsEntry, std::vector<FsEntry>, std::uint64_t, std::string>;

struct FsResponse {
    bool ok = false;
    std::optional<std::string> error;
    std::optional<FsResponseData> data;
    MSB_WIRE_MESSAGE(FsResponse, "core.fs.response", 2, flag_terminal);
};

/// Empty data = end of what is written.
MSB_WIRE_DATA_MESSAGE(FsData, "core.fs.data", 2);

} // namespace msb::wire
