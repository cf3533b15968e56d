// core.bootstrap: everything the guest is told before it assembles its root.
//
// Absent optionals and empty lists are omitted.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "wire/cbor.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::wire {

enum class UpperKind { device, tmpfs };

/// Where writes to the root go.
struct RootUpper {
    UpperKind kind = UpperKind::device;
    std::optional<std::string> device; ///< kind device: "/dev/vdb"
    std::optional<std::string> fstype;
    /// Kind tmpfs; absent: half of memory. Kind device: what an ext4 that is smaller grows to; absent:
    /// it stays as it is.
    std::optional<std::uint64_t> size_mib;
};

enum class RootKind { disk_image, oci_erofs };

struct BlockRoot {
    RootKind kind = RootKind::oci_erofs;
    std::optional<std::string> device; ///< kind disk-image
    std::optional<std::string> fstype; ///< kind disk-image; absent = try what the kernel knows
    std::optional<std::string> lower;  ///< kind oci-erofs: the EROFS device, "/dev/vda"
    std::optional<RootUpper> upper;    ///< kind oci-erofs
    std::optional<std::uint64_t>
        size_mib; ///< kind disk-image: what an ext4 that is smaller grows to
};

struct MountFlags {
    bool readonly = false;
    bool noexec = false;
    bool nosuid = false;
    bool nodev = false;
};

struct DirMount {
    std::string tag;
    std::string guest_path;
    MountFlags flags;
    std::string directory; ///< in the device's file system; empty: its root
};
struct FileMount {
    std::string tag;
    std::string filename;
    std::string guest_path;
    MountFlags flags;
    std::string directory; ///< which has the file
};
struct DiskMount {
    std::string id; ///< the device's serial number; or its path, if it has none of its own
    std::string guest_path;
    std::optional<std::string> fstype;
    MountFlags flags;
};
struct TmpfsMount {
    std::string path;
    std::optional<std::uint64_t> size_mib;
    std::optional<std::uint32_t> mode; ///< absent: 01777 for /tmp and /var/tmp, else 0755
    MountFlags flags;
};

struct Ipv4Network {
    std::array<std::uint8_t, 4> address{};
    std::uint8_t prefix_len = 0;
    std::array<std::uint8_t, 4> gateway{};
    std::optional<std::array<std::uint8_t, 4>> dns;
};
struct Ipv6Network {
    std::array<std::uint8_t, 16> address{};
    std::uint8_t prefix_len = 0;
    std::array<std::uint8_t, 16> gateway{};
    std::optional<std::array<std::uint8_t, 16>> dns;
};
struct Network {
    std::string interface;
    std::array<std::uint8_t, 6> mac{};
    std::uint16_t mtu = 1500;
    std::optional<Ipv4Network> ipv4;
    std::optional<Ipv6Network> ipv6;
    std::vector<std::string> search;           ///< domains of resolv.conf(5)
    std::vector<std::string> resolver_options; ///< likewise: "ndots:2"
};

/// `resource` is the name of getrlimit(2) in lower case without RLIMIT_: "nofile".
/// Values: UINT64_MAX is unlimited.
struct Rlimit {
    std::string resource;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

struct KeyValue {
    std::string key;
    std::string value;
};

struct Script {
    std::string name; ///< one path component
    std::string body;
};

struct HandoffInit {
    std::string cmd; ///< absolute path, or "auto"
    std::vector<std::string> args;
    std::optional<std::string> cwd;
    std::vector<KeyValue> env;
};

enum class SecurityProfile { default_profile, restricted };

struct Bootstrap {
    std::optional<BlockRoot> block_root; ///< absent: the initramfs itself is the root
    std::vector<DirMount> dir_mounts;
    std::vector<FileMount> file_mounts;
    std::vector<DiskMount> disk_mounts;
    std::vector<TmpfsMount> tmpfs_mounts;
    std::optional<std::string> hostname;
    std::optional<std::string> host_alias;
    std::optional<Network> network;
    std::vector<Rlimit> rlimits; ///< of everything in the sandbox
    std::optional<std::string> user;
    std::optional<std::string> default_cwd;
    std::vector<KeyValue> default_env;
    SecurityProfile security_profile = SecurityProfile::default_profile;
    std::optional<HandoffInit> handoff_init;

    // New.
    std::optional<std::uint64_t> unix_time_nanos; ///< the guest's clock starts here
    std::optional<Bytes> entropy;                 ///< credited to the guest's random pool
    std::optional<std::int32_t> stop_signal;      ///< sent to commands at shutdown; default SIGTERM
    std::optional<std::uint64_t> stop_grace_ms;   ///< between stop signal and SIGKILL; default 10 s
    std::vector<Script> scripts;                  ///< in /.msb/scripts, mode 0755
    /// The upper is thrown away after this run: skip what makes it survive a crash.
    bool ephemeral = false;
    std::optional<bool> make_default_cwd; ///< it is made if it is missing
    std::optional<bool> need_default_cwd; ///< booting fails if it is not a directory
    /// Whom the guest's programs are to trust, in PEM form: who issues the certificates that it sees
    /// where TLS is intercepted, and whom the host trusts.
    std::optional<std::string> authority, host_authorities;
    std::optional<bool> report_usage; ///< in heartbeats

    static constexpr std::string_view type = "core.bootstrap";
    static constexpr std::uint8_t min_generation = 7;
    static constexpr std::uint8_t flags = 0;
    void encode(cbor::Writer& writer) const;
    static Result<Bootstrap> decode(BytesView payload);
};

} // namespace msb::wire
