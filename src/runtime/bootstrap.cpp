#include "runtime/bootstrap.hpp"

#include "base/address.hpp"
#include "base/signal_name.hpp"
#include "net/policy/groups.hpp"

#include <algorithm>
#include <csignal>

namespace msb {

namespace {

template <std::size_t size> std::array<std::uint8_t, size> bytes_of(const IpAddress& address) {
    std::array<std::uint8_t, size> result;
    std::copy_n(address.bytes.begin(), size, result.begin());
    return result;
}

void describe_network(const NetworkPlan& plan, wire::Bootstrap& document) {
    wire::Network network;
    network.interface = "eth0";
    network.mac = plan.guest_mac;
    network.mtu = plan.mtu;
    if (plan.v4) {
        const auto gateway = bytes_of<4>(plan.v4->gateway);
        network.ipv4 =
            wire::Ipv4Network{bytes_of<4>(plan.v4->guest), plan.v4->prefix, gateway, gateway};
        document.default_env.push_back({"MSB_NET_IPV4", describe(*plan.v4)});
    }
    if (plan.v6) {
        const auto gateway = bytes_of<16>(plan.v6->gateway);
        network.ipv6 =
            wire::Ipv6Network{bytes_of<16>(plan.v6->guest), plan.v6->prefix, gateway, gateway};
        document.default_env.push_back({"MSB_NET_IPV6", describe(*plan.v6)});
    }
    network.search = plan.search;
    network.resolver_options = plan.resolver_options;
    document.network = network;
    document.host_alias = net::host_alias;
}

/// The disks of volumes are ours; of an image it is as the user says, or unknown.
std::optional<std::string> file_system_of(const Mount& mount) {
    if (mount.kind != MountKind::disk)
        return "ext4";
    return mount.fstype.empty() ? std::nullopt : std::optional(mount.fstype);
}

/// The guest's kernel names disks in the order in which it finds them: /dev/vda, ..., /dev/vdaa.
std::string disk_path(std::size_t index) {
    constexpr std::size_t letters = 26;
    std::string suffix;
    for (std::size_t number = index + 1; number > 0; number = (number - 1) / letters)
        suffix.insert(suffix.begin(), static_cast<char>('a' + (number - 1) % letters));
    return "/dev/vd" + suffix;
}

void describe_mounts(const LaunchConfig& config, wire::Bootstrap& document) {
    const std::vector<Mount>& mounts = config.spec.mounts;
    std::size_t disks =
        (config.root.empty() ? 0 : 1) + (config.disk ? 1 : 0); // the root's come first
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        const wire::MountFlags flags{mounts[i].read_only, mounts[i].noexec, mounts[i].nosuid,
                                     mounts[i].nodev};
        const auto& [kind, tag, directory] = config.mounts[i];
        const std::string& guest = mounts[i].guest;
        switch (kind) {
        case MountBacking::Kind::directory:
            document.dir_mounts.push_back({tag, guest, flags, directory});
            break;
        case MountBacking::Kind::file:
            document.file_mounts.push_back({tag, shared_file_name, guest, flags, directory});
            break;
        case MountBacking::Kind::disk:
        case MountBacking::Kind::formatted_disk:
            document.disk_mounts.push_back(
                {kind == MountBacking::Kind::disk ? tag : disk_path(disks), guest,
                 file_system_of(mounts[i]), flags});
            ++disks;
            break;
        case MountBacking::Kind::memory:
            document.tmpfs_mounts.push_back(
                {guest, mounts[i].size_mib == 0 ? std::nullopt : std::optional(mounts[i].size_mib),
                 std::nullopt, flags});
            break;
        }
    }
}

wire::BlockRoot describe_root(const SandboxSpec& spec) {
    using Kind = RootDisk::Kind;
    const RootDisk& disk = spec.root_disk;
    if (spec.root == RootSource::disk)
        return {.kind = wire::RootKind::disk_image,
                .device = "/dev/vda",
                .fstype =
                    spec.root_fstype.empty() ? std::nullopt : std::optional(spec.root_fstype)};
    if (disk.kind == Kind::flat)
        return {.kind = wire::RootKind::disk_image,
                .device = "/dev/vda",
                .fstype = "ext4",
                .size_mib = disk.size_mib};
    wire::BlockRoot root{.kind = wire::RootKind::oci_erofs, .lower = "/dev/vda"};
    if (disk.kind == Kind::tmpfs)
        root.upper = wire::RootUpper{.kind = wire::UpperKind::tmpfs,
                                     .size_mib = disk.size_mib == 0 ? std::nullopt
                                                                    : std::optional(disk.size_mib)};
    else if (disk.kind == Kind::image)
        root.upper = wire::RootUpper{
            .kind = wire::UpperKind::device, .device = "/dev/vdb", .fstype = disk.fstype};
    else // one that began as a snapshot's, or was smaller once, grows
        root.upper = wire::RootUpper{.kind = wire::UpperKind::device,
                                     .device = "/dev/vdb",
                                     .fstype = "ext4",
                                     .size_mib = disk.size_mib};
    return root;
}

void describe_workdir(const LaunchConfig& config, wire::Bootstrap& document) {
    if (config.spec.workdir.empty())
        return;
    document.default_cwd = config.spec.workdir;
    document.make_default_cwd = config.make_workdir;
    document.need_default_cwd = config.need_workdir;
}

void describe_init(const InitSpec& init, wire::Bootstrap& document) {
    document.handoff_init = wire::HandoffInit{init.cmd, init.args, {}, {}};
    for (const auto& [key, value] : init.env)
        document.handoff_init->env.push_back({key, value});
}

} // namespace

wire::Bootstrap make_bootstrap(const LaunchConfig& config, std::int64_t unix_time_ns,
                               std::optional<Bytes> entropy,
                               const std::optional<std::string>& authority) {
    const SandboxSpec& spec = config.spec;
    wire::Bootstrap document;
    document.block_root = describe_root(spec);
    document.hostname = spec.hostname;
    for (const Rlimit& limit : spec.rlimits)
        document.rlimits.push_back({limit.resource, limit.soft, limit.hard});
    if (!spec.user.empty())
        document.user = spec.user;
    describe_workdir(config, document);
    for (const auto& [key, value] : spec.env)
        document.default_env.push_back({key, value});
    if (config.network)
        describe_network(*config.network, document);
    if (spec.security == SecurityProfile::restricted)
        document.security_profile = wire::SecurityProfile::restricted;
    for (const auto& [name, body] : spec.scripts)
        document.scripts.push_back({name, body});
    describe_mounts(config, document);
    document.unix_time_nanos = static_cast<std::uint64_t>(unix_time_ns);
    document.entropy = std::move(entropy);
    document.authority = authority;
    if (!config.host_authorities.empty())
        document.host_authorities = config.host_authorities;
    document.stop_signal = parse_signal(spec.stop_signal).value_or(SIGTERM);
    document.stop_grace_ms = static_cast<std::uint64_t>(default_stop_grace.count());
    document.ephemeral = spec.throws_root_away();
    if (config.metrics)
        document.report_usage = true;
    if (spec.init)
        describe_init(*spec.init, document);
    return document;
}

} // namespace msb
