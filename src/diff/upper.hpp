// What a sandbox's writable disk holds, read without mounting it: an ext4 file system with the upper
// directory of an overlay. Its content is the guest's, so this runs in a confined worker.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace msb::diff {

/// Fills the buffer with data of a file, which has so much.
using ReadAt = std::function<Status(std::uint64_t offset, MutableBytesView buffer)>;

/// Something in the upper directory.
struct UpperEntry {
    std::uint32_t inode = 0;
    std::uint32_t mode = 0; ///< type and permissions, as st_mode
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t size = 0;
    std::uint32_t major = 0; ///< of devices
    std::uint32_t minor = 0;
    std::string link;             ///< of symbolic links: where it leads
    std::string redirect;         ///< of directories: its place in the image
    bool whiteout = false;        ///< something of the image that is gone
    bool from_image = false;      ///< it began as a copy of something in the image
    bool attributes_only = false; ///< its data is still the image's
    bool opaque = false;          ///< of directories: the image's names do not show through
    bool ours = false;            ///< the agent made it, and nobody has changed it
    /// Changes whenever something of it does.
    std::string stamp;

    bool is_file() const;
    bool is_directory() const;
};

class Upper {
  public:
    /// `corrupt`, or busy if the guest did not unmount it.
    static Result<Upper> open(int disk);

    /// By path, which begins with '/'.
    const std::map<std::string, UpperEntry>& entries() const { return entries_; }
    /// Reads a file's data, for as long as this lives.
    Result<ReadAt> reader(const UpperEntry& file) const;

    static constexpr std::size_t max_entries = 1'000'000;
    static constexpr std::size_t max_depth = 512;

    struct FileSystem; ///< libext2fs's, which only one file includes

  private:
    explicit Upper(std::shared_ptr<FileSystem> fs) : fs_(std::move(fs)) {}

    std::shared_ptr<FileSystem> fs_;
    std::map<std::string, UpperEntry> entries_;
};

} // namespace msb::diff
