// The mount namespace: a root that holds only what the jail is given.
#pragma once

#include "jail/jail.hpp"
#include "jail/steps.hpp"

#include <string>
#include <vector>

namespace msb::jail {

struct MountPlan {
    struct File {
        std::string path;
        std::string content;
        unsigned mode; ///< Permission bits.
    };
    std::vector<Bind> binds; ///< At most max_binds.
    std::vector<File> files;
    std::vector<std::string> directories; ///< To be made, parents first. Filled by prepare().
    std::string shm_bytes;                ///< Size of /dev/shm in bytes; empty = none.
    std::string root_bytes;               ///< Size of the root's tmpfs. Filled by prepare().
};
constexpr std::size_t max_binds = 72; // a program, and 64 shared directories

/// Checks targets and computes the directories. Called before the clone.
Status prepare(MountPlan& plan);

/// Replaces `fd` by the same file (at `path`) opened for reading from a read-only mount of its own,
/// so that it can be changed neither through /proc/self/fd nor by a call on the descriptor. The old
/// descriptor stays open.
Step reopen_read_only(const char* path, int& fd);

/// Replaces the root of a new mount namespace. The old root is detached, the new one read-only.
Step enter_root(const MountPlan& plan);

} // namespace msb::jail
