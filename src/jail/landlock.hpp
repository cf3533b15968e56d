// Landlock restricts the file system, TCP, and abstract sockets and signals across the jail's edge.
// It is a second wall behind the empty root; older kernels support fewer of these or none.
#pragma once

#include "jail/steps.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace msb::jail {

struct FileRule {
    enum class Access {
        read,
        execute,
        write_file,
        everything, ///< but to execute
        everything_and_execute,
    };
    std::string path; ///< A file or a directory with everything below it.
    Access access = Access::read;
    int fd = -1; ///< If not -1: the object itself; `path` only names it.
};

/// 0 if the running kernel has no Landlock.
int landlock_abi();

enum class Tcp { none, connect };

/// Restricts the calling thread and its future children to `rules`, and to `tcp`. No-op without
/// Landlock.
Step restrict_files(const std::vector<FileRule>& rules, Tcp tcp = Tcp::none);

} // namespace msb::jail
