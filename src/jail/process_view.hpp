// What a runtime sees of the processes below it: a procfs of its own pid namespace that is mounted
// nowhere and reachable through one descriptor only, and how busy the host's CPUs are.
#pragma once

namespace msb::jail {

/// The descriptors' numbers in a process of Role::runtime.
constexpr int process_view_fd = 1023;
constexpr int cpu_times_fd = 1022; ///< /proc/stat

/// Called in the new pid and mount namespaces while the host's /proc can still be seen: the kernel
/// shows an unprivileged procfs only to those who see a whole one already. -1 if that is not so.
int open_process_view();
/// -1 if there is none.
int open_cpu_times();

} // namespace msb::jail
