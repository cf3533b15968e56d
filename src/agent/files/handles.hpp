// Files and directories that a client keeps open.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <dirent.h>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace msb::agent {

struct OpenHandle {
    struct CloseDir {
        void operator()(DIR* dir) const { ::closedir(dir); }
    };
    OwnedFd fd; ///< of a file
    std::unique_ptr<DIR, CloseDir> dir;
    std::mutex dir_mutex; ///< its position; pages may be asked for side by side
    std::string path;
    bool append = false;

    int descriptor() const { return dir ? ::dirfd(dir.get()) : fd.get(); }
};

/// Shared by the threads that work for one client. Closing may block, so the thread that is the
/// last user of a handle closes it, never the loop.
class HandleTable {
  public:
    /// limit_exceeded (EMFILE) beyond max_handles; cancelled when the client has gone.
    Result<std::uint64_t> add(std::shared_ptr<OpenHandle> handle);
    /// not_found (EBADF).
    Result<std::shared_ptr<OpenHandle>> find(std::uint64_t number) const;
    Result<std::shared_ptr<OpenHandle>> remove(std::uint64_t number);
    std::unordered_map<std::uint64_t, std::shared_ptr<OpenHandle>> close_all();

    static constexpr std::size_t max_handles = 1024;

  private:
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<OpenHandle>> handles_;
    std::uint64_t last_ = 0;
    bool closed_ = false;
};

} // namespace msb::agent
