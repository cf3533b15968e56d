// What the policies of several roles have in common.
#pragma once

#include "jail/seccomp.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace msb::jail {

inline constexpr std::uint64_t namespace_flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
                                                 CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                                                 CLONE_NEWCGROUP | CLONE_PTRACE;
/// Mode bits that give whoever executes the file another user's rights.
inline constexpr std::uint64_t set_id_bits = S_ISUID | S_ISGID;
/// Flags of open(2) with which the mode argument is used.
inline constexpr std::uint64_t creating = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);
/// Kinds of memory that no limit of a process counts: huge pages, and mappings that grow like a
/// stack.
inline constexpr std::uint64_t uncounted_memory = MAP_HUGETLB | MAP_GROWSDOWN;
/// The part of socket(2)'s type without its flags.
inline constexpr std::uint64_t type_bits = 0xf;

void allow_opening(Policy& policy);
void allow_reading(Policy& policy);
/// Refuses flags that cause signals (O_ASYNC), bypass caches (O_DIRECT) or hide an access
/// (O_NOATIME): all processes that hold the open file share them.
void allow_flags(Policy& policy, std::uint64_t refused = O_ASYNC | O_DIRECT | O_NOATIME);
/// No new code: what runs is what was loaded. Shared memory without a file, which no limit counts,
/// is refused as well.
void allow_memory(Policy& policy);
void allow_threads(Policy& policy);
/// Check the protocol, too: asking for a rare one makes the host load its module.
void allow_internet_sockets(Policy& policy, int type, std::initializer_list<int> protocols);
/// No datagram sockets: those can send to other processes' sockets.
void allow_stream_pairs(Policy& policy);
/// Memory, time, signals and threads of the process itself: the floor of every C++ program.
void allow_own_process(Policy& policy);
/// Descriptors that are already open. newfstatat is how libc does fstat.
void allow_descriptors(Policy& policy);

} // namespace msb::jail
