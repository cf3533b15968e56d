#include "wire/bootstrap.hpp"

#include "wire/codec.hpp"
#include "wire/rlimit_fields.hpp"

namespace msb::wire {

// clang-format off

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
    f.omittable("lower", m.lower); f.omittable("upper", m.upper);
    f.omittable("size_mib", m.size_mib);)
MSB_WIRE_FIELDS(MountFlags,
    f.defaulted("readonly", m.readonly); f.defaulted("noexec", m.noexec);
    f.defaulted("nosuid", m.nosuid); f.defaulted("nodev", m.nodev);)
MSB_WIRE_FIELDS(DirMount,
    f.required("tag", m.tag); f.required("guest_path", m.guest_path);
    f.defaulted("flags", m.flags); f.omittable("directory", m.directory);)
MSB_WIRE_FIELDS(FileMount,
    f.required("tag", m.tag); f.required("filename", m.filename);
    f.required("guest_path", m.guest_path); f.defaulted("flags", m.flags);
    f.omittable("directory", m.directory);)
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
    f.omittable("need_default_cwd", m.need_default_cwd);
    f.omittable("authority", m.authority);
    f.omittable("host_authorities", m.host_authorities);
    f.omittable("report_usage", m.report_usage);)

// clang-format on

MSB_WIRE_CODEC(Bootstrap)

} // namespace msb::wire
