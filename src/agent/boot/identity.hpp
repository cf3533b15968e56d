// Who the guest is: host name, hosts file, loopback, time, randomness, default user.
#pragma once

#include "base/result.hpp"
#include "wire/messages.hpp"

namespace msb::agent {

/// sethostname, /etc/hostname, /etc/hosts, and the loopback interface.
Status set_up_host_identity(const wire::Bootstrap& bootstrap);

/// Replaces `directory`/`name` below `root_fd` with a regular file. No symbolic link, FIFO or
/// device that an image left there is followed or opened; the directory is resolved inside the
/// root.
Status write_below(int root_fd, const char* directory, const char* name, std::string_view text);

/// "127.0.0.1 localhost ..." with the guest's own name.
std::string hosts_file(const std::string& hostname);

/// Credits bytes from the host to the random pool; at most 512 are used.
Status seed_random(BytesView entropy);

/// The default user against the guest's own databases. not_found names an unknown user or group.
Result<wire::InitResolved> resolve_default_user(const std::string& user);

} // namespace msb::agent
