#include "runtime/bootstrap.hpp"

#include "base/address.hpp"
#include "base/signal_name.hpp"

#include <algorithm>
#include <csignal>

namespace msb {

namespace {

constexpr const char* host_alias = "host.microsandbox.internal";

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
    document.host_alias = host_alias;
}

void describe_mounts(const LaunchConfig& config, wire::Bootstrap& document) {
    const std::vector<Mount>& mounts = config.spec.mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        const wire::MountFlags flags{mounts[i].read_only, mounts[i].noexec, mounts[i].nosuid,
                                     mounts[i].nodev};
        if (config.file_mounts[i])
            document.file_mounts.push_back(
                {mount_tag(i), shared_file_name, mounts[i].guest, flags});
        else
            document.dir_mounts.push_back({mount_tag(i), mounts[i].guest, flags});
    }
}

/// One that began as a snapshot's may be larger than that.
std::optional<std::uint64_t> upper_size(const SandboxSpec& spec) {
    return spec.snapshot.empty() ? std::nullopt : std::optional(spec.root_disk_mib);
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
                               std::optional<Bytes> entropy) {
    const SandboxSpec& spec = config.spec;
    wire::Bootstrap document;
    document.block_root = wire::BlockRoot{
        .kind = wire::RootKind::oci_erofs,
        .lower = "/dev/vda",
        .upper = wire::RootUpper{wire::UpperKind::device, "/dev/vdb", "ext4", upper_size(spec)}};
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
    document.stop_signal = parse_signal(spec.stop_signal).value_or(SIGTERM);
    document.stop_grace_ms = static_cast<std::uint64_t>(default_stop_grace.count());
    document.ephemeral = spec.ephemeral;
    if (spec.init)
        describe_init(*spec.init, document);
    return document;
}

} // namespace msb
