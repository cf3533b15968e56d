// What each role may take from the host where no control group bounds it. The numbers hold together with
// what each program bounds itself; who raises one there looks here.
#include "base/file.hpp"
#include "base/sizes.hpp"
#include "jail/roles.hpp"

#include <algorithm>
#include <charconv>

namespace msb::jail {

namespace {

/// Process ids are shared by the whole machine: how many of them one sandbox may take. 0 in a jail,
/// where /proc cannot be seen; the inherited limit holds there.
std::uint64_t share_of_process_ids() {
    const auto text = read_file("/proc/sys/kernel/pid_max", 64);
    std::uint64_t most = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), most).ec != std::errc{})
        return 0;
    return std::max<std::uint64_t>(most / 8, 1024);
}

/// A guest process is a process of the host; 8 for each MiB of guest memory is beyond what a guest
/// can fill with real ones. Each needs two descriptors in the kernel's process. Files: guest
/// memory, and as much again in all others. Addresses: what page tables of a hundredth of guest
/// memory map.
Limits uml_limits(std::uint64_t memory_bytes) {
    const auto processes = std::clamp<std::uint64_t>(8 * (memory_bytes / mib), 1024, 32768);
    return {.open_files = std::min<std::uint64_t>(2 * processes + 1024, 65536),
            .processes = processes,
            .file_bytes = memory_bytes + 16 * mib,
            .data_bytes = 256 * mib,
            .address_bytes = std::max(64 * gib, 256 * memory_bytes),
            .signals = 4096};
}

} // namespace

Limits limits_of(Role role, std::uint64_t memory_bytes) {
    // A process that serves devices maps all guest memory once per device. Files in a shared
    // directory are at most 1 TiB.
    constexpr std::uint64_t few_signals = 256, device_addresses = 4096 * gib;
    switch (role) {
    case Role::runtime:
        return {.open_files = 16384,
                .processes = share_of_process_ids(),
                .data_bytes = 2 * gib, // a thousand connections of the guest's, and their buffers
                .address_bytes = device_addresses,
                .signals = 4096}; // the engine inherits it
    case Role::uml: return uml_limits(memory_bytes);
    case Role::kvm:
        // A thread a CPU; three descriptors for each queue of each device. Files: guest memory is one.
        return {.open_files = 1024,
                .processes = 1024,
                .file_bytes = memory_bytes + 16 * mib,
                .data_bytes = 256 * mib,
                .address_bytes = 64 * gib + 2 * memory_bytes,
                .signals = few_signals};
    case Role::image:
        // The largest archive that is unpacked (image/archive.hpp); a layer is smaller.
        return {.open_files = 1024,
                .processes = 1,
                .file_bytes = 65 * gib,
                .data_bytes = 1024 * mib,
                .address_bytes = 64 * gib,
                .signals = few_signals};
    case Role::disk:
        // The largest disk that a sandbox has (disk/ext4_options.hpp), which is mostly holes.
        return {.open_files = 2048,
                .processes = 1,
                .file_bytes = std::uint64_t{16} * 1024 * gib,
                .data_bytes = 1024 * mib,
                .address_bytes = 64 * gib,
                .signals = few_signals};
    case Role::ssh:
        // Data: every channel's windows in both directions, several times over.
        return {.open_files = 64,
                .processes = 1,
                .file_bytes = mib,
                .data_bytes = 512 * mib,
                .address_bytes = 64 * gib,
                .signals = few_signals};
    case Role::fetch:
        // Threads count as processes: one for each name that is being resolved.
        return {.open_files = 256,
                .processes = 32,
                .file_bytes = 17 * mib,
                .data_bytes = 512 * mib,
                .address_bytes = 64 * gib,
                .signals = few_signals};
    case Role::fs:
        // Descriptors are what a guest's cached files cost; fsd divides them among its mounts.
        return {.open_files = 131072,
                .processes = 128,
                .file_bytes = 1024 * gib,
                .data_bytes = 1024 * mib,
                .address_bytes = device_addresses,
                .signals = few_signals};
    case Role::qcow:
        // Sixteen threads an image for requests, and its own. The largest file as for disks of ours.
        return {.open_files = 1024,
                .processes = 2048,
                .file_bytes = std::uint64_t{16} * 1024 * gib,
                .data_bytes = 2 * gib,
                .address_bytes = device_addresses,
                .signals = few_signals};
    case Role::tls:
        // Two sockets for each connection (1024 at most), and what they hold.
        return {.open_files = 4096,
                .processes = 1,
                .file_bytes = mib,
                .data_bytes = 512 * mib,
                .address_bytes = 64 * gib,
                .locked_bytes = 8 * mib, // a hundred secrets
                .signals = few_signals};
    case Role::net_switch:
        // A member's channel, 253 at most, and commands that ask.
        return {.open_files = 1024,
                .processes = 1,
                .file_bytes = mib,
                .data_bytes = 64 * mib,
                .address_bytes = 64 * gib,
                .signals = few_signals};
    case Role::net:
        // A socket for each connection (1024 at most), UDP flow, echo, question and published port.
        // A connection may hold a MiB.
        return {.open_files = 8192,
                .processes = 32,
                .file_bytes = mib,
                .data_bytes = 1536 * mib,
                .address_bytes = device_addresses,
                .signals = few_signals};
    }
    return {};
}

} // namespace msb::jail
