// What the program fsd is started with, for it and for whoever starts it.
//
// One process serves all directories of the host that one sandbox sees. It starts in the jail of
// role `fs`, with the sources of mount N below /m at "N", the listening socket of device N at
// first_socket + N, and an argument a mount: DEVICE,[NAME],[FILE],(rw|ro),(keep|host),(private|mirror),(strict|cached),
// BYTES,NAMES,[UID:GID]. BYTES and NAMES are what the guest may add, 0: anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace msb::fsd {

/// A pair of packet sockets with the runtime: its end is the sandbox's end. Log lines go out, one a
/// packet; before the guest mounts anything, user and group id of the guest's default user come in,
/// 4 bytes each. A question comes in now and then, and is answered by a thread that does nothing else.
constexpr int lifeline = 3;
constexpr std::string_view are_you_there = "?";
constexpr std::string_view here_i_am = "!";
constexpr int first_socket = 4;
constexpr const char* program = "/fsd";

struct Share {
    std::size_t device = 0;
    std::string name; ///< in the device's file system; empty: it has the device alone
    std::string file; ///< what a single file is called in its share; empty: a directory
    bool read_only = false;
    bool keep_metadata = true;
    bool mirror_modes = false;
    bool cached = false;
    std::uint64_t quota_bytes = 0;
    std::uint64_t quota_names = 0;
    std::string owner; ///< "1000:1000"; empty: the guest's default user
};

/// The name of a device in the guest.
inline std::string device_tag(std::size_t device) {
    return "fs-" + std::to_string(device);
}

inline std::string source_path(std::size_t index) {
    return "/m/" + std::to_string(index);
}

inline std::string to_argument(const Share& share) {
    return std::to_string(share.device) + "," + share.name + "," + share.file +
           (share.read_only ? ",ro" : ",rw") + (share.keep_metadata ? ",keep" : ",host") +
           (share.mirror_modes ? ",mirror" : ",private") + (share.cached ? ",cached" : ",strict") +
           "," + std::to_string(share.quota_bytes) + "," + std::to_string(share.quota_names) + "," +
           share.owner;
}

} // namespace msb::fsd
