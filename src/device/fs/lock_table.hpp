// The locks that a guest's processes have on byte ranges of files (fcntl(2)).
//
// Each owner in the guest has an open file of its own on the host for each file that it has locked,
// and the host's kernel keeps locks by open file (F_OFD_SETLK): so owners exclude each other, other
// guests and programs of the host, and closing that file gives up all that the owner had.
#pragma once

#include "base/fd.hpp"

#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <map>
#include <utility>

namespace msb::device {

class LockTable {
  public:
    struct Owner {
        std::uint64_t inode;
        std::uint64_t number; ///< what the guest's kernel calls it
        auto operator<=>(const Owner&) const = default;
    };

    explicit LockTable(std::size_t max_owners) : max_owners_(max_owners) {}

    /// Takes or gives up `range` without waiting: EAGAIN. `open` opens the owner's file, or gives
    /// an errno as a negative number; `handle` is the guest's open file that is used.
    int set(Owner owner, std::uint64_t handle, struct flock range,
            const std::function<int()>& open);
    /// Turns `range` into a lock of somebody else that is in its way, or F_UNLCK. `fd`: any open
    /// file of the same.
    int test(Owner owner, int fd, struct flock& range) const;
    void drop(Owner owner) { files_.erase(owner); }
    /// Gives up what was last locked by way of `handle`, which is closed everywhere.
    void drop_handle(std::uint64_t inode, std::uint64_t handle);
    void clear() { files_.clear(); }

  private:
    struct File {
        OwnedFd fd;
        std::uint64_t handle = 0;
    };

    std::size_t max_owners_;
    std::map<Owner, File> files_;
};

} // namespace msb::device
