#include "wire/messages.hpp"

#include "wire/all_messages.hpp"
#include "wire/codec.hpp"

#include <algorithm>

namespace msb::wire {

// clang-format off

// --- control ---
namespace { struct UserIds { std::uint32_t uid = 0; std::uint32_t gid = 0; };
            struct Resolved { UserIds default_user; }; }
MSB_WIRE_FIELDS(UserIds, f.required("uid", m.uid); f.required("gid", m.gid);)
MSB_WIRE_FIELDS(Resolved, f.required("default_user", m.default_user);)
MSB_WIRE_EMPTY(InitAck)
MSB_WIRE_FIELDS(Ready,
    f.required("boot_time_ns", m.boot_time_ns);
    f.required("init_time_ns", m.init_time_ns);
    f.required("ready_time_ns", m.ready_time_ns);
    f.omittable("agent_version", m.agent_version);)
MSB_WIRE_FIELDS(BootFailed,
    f.required("stage", m.stage);
    f.nullable("errno", m.sys_errno);
    f.required("message", m.message);)
MSB_WIRE_FIELDS(Shutdown, f.omittable("grace_ms", m.grace_ms);)
MSB_WIRE_EMPTY(Drain)
MSB_WIRE_EMPTY(Drained)
MSB_WIRE_FIELDS(RelayClientDisconnected,
    f.required("id_start", m.id_start);
    f.required("id_end_exclusive", m.id_end_exclusive);)
MSB_WIRE_FIELDS(ClockSync,
    f.required("unix_time_nanos", m.unix_time_nanos);
    f.omittable("heartbeat_seq", m.heartbeat_seq);)
MSB_WIRE_FIELDS(ActivityCounters,
    f.defaulted("host_messages", m.host_messages);
    f.defaulted("guest_messages", m.guest_messages);
    f.defaulted("exec_output_bytes", m.exec_output_bytes);
    f.defaulted("fs_bytes", m.fs_bytes);
    f.defaulted("tcp_bytes", m.tcp_bytes);)
MSB_WIRE_FIELDS(Heartbeat,
    f.required("heartbeat_seq", m.heartbeat_seq);
    f.required("activity_seq", m.activity_seq);
    f.defaulted("timestamp", m.timestamp);
    f.defaulted("last_activity", m.last_activity);
    f.required("active_exec_sessions", m.active_exec_sessions);
    f.defaulted("active_fs_streams", m.active_fs_streams);
    f.defaulted("active_tcp_streams", m.active_tcp_streams);
    f.defaulted("activity_counters", m.activity_counters);)

MSB_WIRE_EMPTY(Ping)
MSB_WIRE_EMPTY(Pong)
MSB_WIRE_EMPTY(Touch)
MSB_WIRE_FIELDS(Touched, f.required("activity_seq", m.activity_seq);)
template <> struct Names<CoreErrorKind> {
    static constexpr std::array<std::string_view, 7> values = {
        "malformed_message", "unsupported_message_type", "unsupported_protocol_generation",
        "invalid_flags", "invalid_payload", "invalid_session", "other"};
    static constexpr auto fallback = CoreErrorKind::other;
};
MSB_WIRE_FIELDS(CoreError,
    f.required("kind", m.kind);
    f.defaulted("message", m.message);
    f.nullable("offending_type", m.offending_type);)

// --- exec ---
MSB_WIRE_FIELDS(Rlimit,
    f.required("resource", m.resource);
    f.required("soft", m.soft);
    f.required("hard", m.hard);)
MSB_WIRE_FIELDS(ExecRequest,
    f.required("cmd", m.cmd);
    f.defaulted("args", m.args);
    f.defaulted("env", m.env);
    f.nullable("cwd", m.cwd);
    f.nullable("user", m.user);
    f.defaulted("tty", m.tty);
    f.defaulted("rows", m.rows);
    f.defaulted("cols", m.cols);
    f.defaulted("rlimits", m.rlimits);
    f.omittable("flow", m.flow);
    f.omittable("detach", m.detach);)
MSB_WIRE_FIELDS(ExecStarted, f.required("pid", m.pid); f.omittable("session", m.session);)
MSB_WIRE_FIELDS(ExecStdinError,
    f.nullable("errno", m.sys_errno);
    f.nullable("errno_name", m.errno_name);
    f.defaulted("message", m.message);)
MSB_WIRE_FIELDS(ExecExited, f.required("code", m.code); f.omittable("signal", m.signal);)
template <> struct Names<ExecFailure> {
    static constexpr std::array<std::string_view, 10> values = {
        "not_found", "permission_denied", "not_executable", "bad_cwd", "bad_args",
        "resource_limit", "user_setup_failed", "out_of_memory", "pty_setup_failed", "other"};
    static constexpr auto fallback = ExecFailure::other;
};
MSB_WIRE_FIELDS(ExecFailed,
    f.required("kind", m.kind);
    f.nullable("errno", m.sys_errno);
    f.nullable("errno_name", m.errno_name);
    f.defaulted("message", m.message);
    f.nullable("stage", m.stage);)
MSB_WIRE_FIELDS(ExecResize, f.required("rows", m.rows); f.required("cols", m.cols);)
MSB_WIRE_FIELDS(ExecSignal, f.required("signal", m.signal);)

// --- tcp ---
MSB_WIRE_FIELDS(TcpConnect,
    f.required("host", m.host); f.required("port", m.port); f.omittable("flow", m.flow);
    f.omittable("window", m.window);)
MSB_WIRE_EMPTY(TcpConnected)
MSB_WIRE_EMPTY(TcpEof)
MSB_WIRE_FIELDS(TcpClose, f.omittable("reset", m.reset);)
MSB_WIRE_EMPTY(TcpClosed)
MSB_WIRE_FIELDS(TcpFailed,
    f.defaulted("error", m.error); f.omittable("errno", m.sys_errno);
    f.omittable("stage", m.stage);)

// --- fs ---
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
MSB_WIRE_FIELDS(FsReadTree, f.required("path", m.path); f.omittable("name", m.name);)
MSB_WIRE_FIELDS(FsWriteTree,
    f.required("path", m.path); f.omittable("only", m.only); f.defaulted("owners", m.owners);
    f.defaulted("overwrite", m.overwrite);)
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

// --- bootstrap ---
template <> struct Names<UpperKind> {
    static constexpr std::array<std::string_view, 2> values = {"device", "tmpfs"};
};
MSB_WIRE_FIELDS(RootUpper,
    f.required("kind", m.kind); f.omittable("device", m.device); f.omittable("fstype", m.fstype);
    f.omittable("size_mib", m.size_mib);)
template <> struct Names<RootKind> {
    static constexpr std::array<std::string_view, 2> values = {"disk-image", "oci-erofs"};
};
MSB_WIRE_FIELDS(BlockRoot,
    f.required("kind", m.kind); f.omittable("device", m.device); f.omittable("fstype", m.fstype);
    f.omittable("lower", m.lower); f.omittable("upper", m.upper);)
MSB_WIRE_FIELDS(MountFlags,
    f.defaulted("readonly", m.readonly); f.defaulted("noexec", m.noexec);
    f.defaulted("nosuid", m.nosuid); f.defaulted("nodev", m.nodev);)
MSB_WIRE_FIELDS(DirMount,
    f.required("tag", m.tag); f.required("guest_path", m.guest_path);
    f.defaulted("flags", m.flags);)
MSB_WIRE_FIELDS(FileMount,
    f.required("tag", m.tag); f.required("filename", m.filename);
    f.required("guest_path", m.guest_path); f.defaulted("flags", m.flags);)
MSB_WIRE_FIELDS(DiskMount,
    f.required("id", m.id); f.required("guest_path", m.guest_path);
    f.omittable("fstype", m.fstype); f.defaulted("flags", m.flags);)
MSB_WIRE_FIELDS(TmpfsMount,
    f.required("path", m.path); f.omittable("size_mib", m.size_mib); f.omittable("mode", m.mode);
    f.defaulted("flags", m.flags);)
MSB_WIRE_FIELDS(Ipv4Network,
    f.required("address", m.address); f.required("prefix_len", m.prefix_len);
    f.required("gateway", m.gateway); f.omittable("dns", m.dns);)
MSB_WIRE_FIELDS(Ipv6Network,
    f.required("address", m.address); f.required("prefix_len", m.prefix_len);
    f.required("gateway", m.gateway); f.omittable("dns", m.dns);)
MSB_WIRE_FIELDS(Network,
    f.required("interface", m.interface); f.required("mac", m.mac); f.required("mtu", m.mtu);
    f.omittable("ipv4", m.ipv4); f.omittable("ipv6", m.ipv6);
    f.omittable("search", m.search); f.omittable("resolver_options", m.resolver_options);)
MSB_WIRE_FIELDS(KeyValue, f.required("key", m.key); f.required("value", m.value);)
MSB_WIRE_FIELDS(Script, f.required("name", m.name); f.required("body", m.body);)
MSB_WIRE_FIELDS(HandoffInit,
    f.required("cmd", m.cmd); f.omittable("args", m.args); f.omittable("cwd", m.cwd);
    f.omittable("env", m.env);)
template <> struct Names<SecurityProfile> {
    static constexpr std::array<std::string_view, 2> values = {"default", "restricted"};
};
MSB_WIRE_FIELDS(Bootstrap,
    f.omittable("block_root", m.block_root);
    f.omittable("dir_mounts", m.dir_mounts);
    f.omittable("file_mounts", m.file_mounts);
    f.omittable("disk_mounts", m.disk_mounts);
    f.omittable("tmpfs_mounts", m.tmpfs_mounts);
    f.omittable("hostname", m.hostname);
    f.omittable("host_alias", m.host_alias);
    f.omittable("network", m.network);
    f.omittable("rlimits", m.rlimits);
    f.omittable("user", m.user);
    f.omittable("default_cwd", m.default_cwd);
    f.omittable("default_env", m.default_env);
    f.defaulted("security_profile", m.security_profile);
    f.omittable("handoff_init", m.handoff_init);
    f.omittable("unix_time_nanos", m.unix_time_nanos);
    f.omittable("entropy", m.entropy);
    f.omittable("stop_signal", m.stop_signal);
    f.omittable("stop_grace_ms", m.stop_grace_ms);
    f.omittable("scripts", m.scripts);
    f.defaulted("ephemeral", m.ephemeral);
    f.omittable("make_default_cwd", m.make_default_cwd);
    f.omittable("need_default_cwd", m.need_default_cwd);)

// clang-format on

void InitResolved::encode(cbor::Writer& writer) const {
    encode_structure(writer, Resolved{{uid, gid}});
}
Result<InitResolved> InitResolved::decode(BytesView payload) {
    const Resolved resolved = MSB_TRY(decode_message<Resolved>(payload));
    return InitResolved{resolved.default_user.uid, resolved.default_user.gid};
}

void Shutdown::encode(cbor::Writer& writer) const {
    if (grace_ms)
        encode_structure(writer, *this);
    else
        writer.null();
}
Result<Shutdown> Shutdown::decode(BytesView payload) {
    cbor::Reader reader(payload);
    if (payload.empty() || MSB_TRY(reader.peek()) != cbor::Kind::map)
        return Shutdown{};
    return decode_message<Shutdown>(payload);
}

MSB_WIRE_CODEC(Bootstrap)
MSB_WIRE_CODEC(InitAck)
MSB_WIRE_CODEC(Ready)
MSB_WIRE_CODEC(BootFailed)
MSB_WIRE_CODEC(Drain)
MSB_WIRE_CODEC(Drained)
MSB_WIRE_CODEC(RelayClientDisconnected)
MSB_WIRE_CODEC(ClockSync)
MSB_WIRE_CODEC(Heartbeat)
MSB_WIRE_CODEC(Ping)
MSB_WIRE_CODEC(Pong)
MSB_WIRE_CODEC(Touch)
MSB_WIRE_CODEC(Touched)
MSB_WIRE_CODEC(CoreError)
MSB_WIRE_CODEC(ExecRequest)
MSB_WIRE_CODEC(ExecStarted)
MSB_WIRE_DATA_CODEC(ExecStdin)
MSB_WIRE_DATA_CODEC(ExecStdout)
MSB_WIRE_DATA_CODEC(ExecStderr)
MSB_WIRE_CODEC(ExecStdinError)
MSB_WIRE_CODEC(ExecExited)
MSB_WIRE_CODEC(ExecFailed)
MSB_WIRE_CODEC(ExecResize)
MSB_WIRE_CODEC(ExecSignal)
MSB_WIRE_CODEC(FsRequest)
MSB_WIRE_CODEC(FsResponse)
MSB_WIRE_DATA_CODEC(FsData)
MSB_WIRE_CODEC(FsCancel)
MSB_WIRE_CODEC(TcpConnect)
MSB_WIRE_CODEC(TcpConnected)
MSB_WIRE_DATA_CODEC(TcpData)
MSB_WIRE_CODEC(TcpEof)
MSB_WIRE_CODEC(TcpClose)
MSB_WIRE_CODEC(TcpClosed)
MSB_WIRE_CODEC(TcpFailed)

std::string_view to_string(CoreErrorKind kind) {
    return Names<CoreErrorKind>::values[static_cast<std::size_t>(kind)];
}
std::string_view operation_name(const FsOp& op) {
    return Names<FsOp>::values[op.index()];
}
std::string_view to_string(ExecFailure kind) {
    return Names<ExecFailure>::values[static_cast<std::size_t>(kind)];
}

namespace {
template <typename... M> constexpr auto table_of(std::tuple<M...>*) {
    return std::array<MessageType, sizeof...(M)>{
        MessageType{M::type, M::min_generation, M::flags}...};
}
constexpr auto message_types = table_of(static_cast<AllMessages*>(nullptr));
} // namespace

const MessageType* find_message_type(std::string_view name) {
    const auto* found = std::ranges::find(message_types, name, &MessageType::name);
    return found == std::end(message_types) ? nullptr : found;
}

} // namespace msb::wire
