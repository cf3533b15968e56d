// The inode numbers that a guest sees.
//
// A guest takes everything in a share for one file system, on which a number stands for one file;
// tar stores what has a number that it has seen as a hard link. But other file systems of the host
// may be mounted below a share, whose numbers are the same again. So the upper 16 bits of what the
// guest sees stand for a file system and the upper 16 bits of the file's number there, in the order
// in which they are met. Most file systems have small numbers: those of the first 32 stay below
// 2^53, which programs that keep them as floating point numbers need.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <sys/types.h>
#include <utility>

namespace msb::device {

class FileNumbers {
  public:
    /// Numbers of `root` itself are shown as they are if they are small.
    explicit FileNumbers(dev_t root) : prefixes_{{{root, 0}, 0}} {}

    /// None: there are more file systems than numbers for them.
    std::optional<std::uint64_t> shown(dev_t device, ino_t number) {
        const auto found = prefixes_.find({device, number >> low_bits});
        if (found != prefixes_.end())
            return join(found->second, number);
        if (prefixes_.size() == max_prefixes)
            return std::nullopt;
        const std::uint64_t prefix = prefixes_.size();
        prefixes_.emplace(std::pair{device, number >> low_bits}, prefix);
        return join(prefix, number);
    }

  private:
    static constexpr unsigned low_bits = 48;
    static constexpr std::size_t max_prefixes = std::size_t{1} << 16;

    static std::uint64_t join(std::uint64_t prefix, ino_t number) {
        return prefix << low_bits | (number & ((std::uint64_t{1} << low_bits) - 1));
    }

    std::map<std::pair<dev_t, ino_t>, std::uint64_t> prefixes_;
};

} // namespace msb::device
