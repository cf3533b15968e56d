// Who keeps us waiting for a lock.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

namespace msb {

/// The process in /proc/locks (proc(5)) that took a flock on this file; 0 if none is shown.
pid_t find_flock(std::string_view proc_locks, dev_t device, ino_t inode);

/// For people: "process 123 (msb rm box)"; "another process" if the host does not show it, or if who
/// took the lock has left it to a process of its own and ended.
std::string lock_holder(int fd);
/// "process 123 (its command line)"; empty if there is none of that number.
std::string describe_process(pid_t pid);

} // namespace msb
