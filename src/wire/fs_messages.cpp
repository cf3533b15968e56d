#include "wire/fs_messages.hpp"

#include "wire/codec.hpp"

namespace msb::wire {

// clang-format off

MSB_WIRE_FIELDS(FsAttributes,
    f.nullable("mode", m.mode); f.nullable("uid", m.uid); f.nullable("gid", m.gid);
    f.nullable("size", m.size); f.nullable("atime", m.atime); f.nullable("mtime", m.mtime);
    f.omittable("atime_nsec", m.atime_nsec); f.omittable("mtime_nsec", m.mtime_nsec);)
MSB_WIRE_FIELDS(FsOpenOptions,
    f.defaulted("read", m.read); f.defaulted("write", m.write); f.defaulted("append", m.append);
    f.defaulted("create", m.create); f.defaulted("truncate", m.truncate);
    f.defaulted("create_new", m.create_new); f.nullable("mode", m.mode);)
MSB_WIRE_FIELDS(FsRealPath, f.required("path", m.path);)
MSB_WIRE_FIELDS(FsStat, f.required("path", m.path); f.defaulted("follow_symlink", m.follow_symlink);)
MSB_WIRE_FIELDS(FsSetStat,
    f.required("path", m.path);
    f.defaulted("follow_symlink", m.follow_symlink);
    f.required("attrs", m.attrs);)
MSB_WIRE_FIELDS(FsList, f.required("path", m.path);)
MSB_WIRE_FIELDS(FsReadLink, f.required("path", m.path);)
MSB_WIRE_FIELDS(FsSymlink, f.required("target", m.target); f.required("link_path", m.link_path);)
MSB_WIRE_FIELDS(FsMkdir, f.required("path", m.path); f.nullable("mode", m.mode);)
MSB_WIRE_FIELDS(FsRemove, f.required("path", m.path);)
MSB_WIRE_FIELDS(FsRemoveDir, f.required("path", m.path); f.defaulted("recursive", m.recursive);)
MSB_WIRE_FIELDS(FsCopy, f.required("src", m.src); f.required("dst", m.dst);)
MSB_WIRE_FIELDS(FsRename, f.required("src", m.src); f.required("dst", m.dst);)
MSB_WIRE_FIELDS(FsOpenFile, f.required("path", m.path); f.required("options", m.options);)
MSB_WIRE_FIELDS(FsOpenDir, f.required("path", m.path);)
MSB_WIRE_FIELDS(FsCloseHandle, f.required("handle", m.handle);)
MSB_WIRE_FIELDS(FsRead,
    f.required("handle", m.handle); f.defaulted("offset", m.offset); f.nullable("len", m.len);)
MSB_WIRE_FIELDS(FsWrite,
    f.required("handle", m.handle); f.defaulted("offset", m.offset); f.nullable("len", m.len);)
MSB_WIRE_FIELDS(FsReadDir, f.required("handle", m.handle); f.nullable("limit", m.limit);)
MSB_WIRE_FIELDS(FsFStat, f.required("handle", m.handle);)
MSB_WIRE_FIELDS(FsFSetStat, f.required("handle", m.handle); f.required("attrs", m.attrs);)
MSB_WIRE_FIELDS(FsGetXattr,
    f.required("path", m.path); f.required("name", m.name);
    f.defaulted("follow_symlink", m.follow_symlink);)
MSB_WIRE_FIELDS(FsSetXattr,
    f.required("path", m.path); f.required("name", m.name); f.required("value", m.value);
    f.defaulted("follow_symlink", m.follow_symlink); f.defaulted("create_new", m.create_new);
    f.defaulted("replace", m.replace);)
MSB_WIRE_FIELDS(FsListXattr,
    f.required("path", m.path); f.defaulted("follow_symlink", m.follow_symlink);)
MSB_WIRE_FIELDS(FsRemoveXattr,
    f.required("path", m.path); f.required("name", m.name);
    f.defaulted("follow_symlink", m.follow_symlink);)
MSB_WIRE_FIELDS(FsLink, f.required("src", m.src); f.required("dst", m.dst);)
MSB_WIRE_FIELDS(FsFSync, f.required("handle", m.handle); f.defaulted("data_only", m.data_only);)
MSB_WIRE_FIELDS(FsStatFs, f.required("path", m.path);)
MSB_WIRE_FIELDS(FsTruncate, f.required("path", m.path); f.required("size", m.size);)
MSB_WIRE_FIELDS(FsReadTree, f.required("path", m.path); f.omittable("name", m.name);
    f.omittable("own_xattrs", m.own_xattrs);)
MSB_WIRE_FIELDS(FsWriteTree,
    f.required("path", m.path); f.omittable("only", m.only); f.defaulted("owners", m.owners);
    f.defaulted("overwrite", m.overwrite); f.omittable("own_xattrs", m.own_xattrs);)
template <> struct Names<FsOp> {
    static constexpr std::array<std::string_view, std::variant_size_v<FsOp>> values = {
        "RealPath", "Stat", "SetStat", "List", "ReadLink", "Symlink", "Mkdir", "Remove",
        "RemoveDir", "Copy", "Rename", "OpenFile", "OpenDir", "CloseHandle", "Read", "Write",
        "ReadDir", "FStat", "FSetStat", "GetXattr", "SetXattr", "ListXattr", "RemoveXattr",
        "Link", "FSync", "StatFs", "Truncate", "ReadTree", "WriteTree"};
};
MSB_WIRE_FIELDS(FsRequest,
    f.required("op", m.op); f.omittable("user", m.user);
    f.omittable("extended", m.extended); f.omittable("flow", m.flow);)
template <> struct Names<FsEntryKind> {
    static constexpr std::array<std::string_view, 4> values = {"file", "dir", "symlink", "other"};
    static constexpr auto fallback = FsEntryKind::other;
};
MSB_WIRE_FIELDS(FsEntry,
    f.required("path", m.path); f.required("kind", m.kind); f.defaulted("size", m.size);
    f.defaulted("mode", m.mode); f.nullable("modified", m.modified); f.defaulted("uid", m.uid);
    f.defaulted("gid", m.gid); f.nullable("atime", m.atime); f.nullable("mtime", m.mtime);
    f.omittable("atime_nsec", m.atime_nsec); f.omittable("mtime_nsec", m.mtime_nsec);
    f.omittable("ctime", m.ctime); f.omittable("ctime_nsec", m.ctime_nsec);
    f.omittable("inode", m.inode); f.omittable("links", m.links);
    f.omittable("allocated", m.allocated); f.omittable("device", m.device);)
MSB_WIRE_FIELDS(FsSpace,
    f.required("total", m.total); f.required("free", m.free);
    f.required("available", m.available); f.defaulted("inodes", m.inodes);
    f.defaulted("inodes_free", m.inodes_free); f.defaulted("block_size", m.block_size);
    f.defaulted("name_max", m.name_max); f.defaulted("read_only", m.read_only);)
template <> struct Names<FsResponseData> {
    static constexpr std::array<std::string_view, 7> values = {"Stat", "List", "Handle", "Path",
                                                               "Bytes", "Names", "Space"};
};
MSB_WIRE_FIELDS(FsResponse,
    f.required("ok", m.ok); f.nullable("error", m.error); f.nullable("data", m.data);
    f.omittable("errno", m.sys_errno); f.omittable("errno_name", m.errno_name);
    f.omittable("kind", m.kind);)
MSB_WIRE_EMPTY(FsCancel)

// clang-format on

MSB_WIRE_CODEC(FsRequest)
MSB_WIRE_CODEC(FsResponse)
MSB_WIRE_DATA_CODEC(FsData)
MSB_WIRE_CODEC(FsCancel)

std::string_view operation_name(const FsOp& op) {
    return Names<FsOp>::values[op.index()];
}

} // namespace msb::wire
