// What a sandbox's writable disk holds, read without mounting it: an ext4 file system with the upper
// directory of an overlay. Its content is the guest's, so this runs in a confined worker.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace msb::diff {

/// Something in the upper directory.
struct UpperEntry {
    std::uint32_t inode = 0;
    std::uint32_t mode = 0; ///< type and permissions, as st_mode
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t size = 0;
    std::uint64_t device = 0;     ///< of devices
    std::string link;             ///< of symbolic links: where it leads
    std::string redirect;         ///< of directories: its place in the image
    bool whiteout = false;        ///< something of the image that is gone
    bool from_image = false;      ///< it began as a copy of something in the image
    bool attributes_only = false; ///< its data is still the image's
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
    /// Whether two files have the same data.
    static Result<bool> same_data(const Upper& a, const UpperEntry& file_a, const Upper& b,
                                  const UpperEntry& file_b);

    static constexpr std::size_t max_entries = 1'000'000;
    static constexpr std::size_t max_depth = 512;

    struct FileSystem; ///< libext2fs's, which only one file includes

  private:
    explicit Upper(std::shared_ptr<FileSystem> fs) : fs_(std::move(fs)) {}

    std::shared_ptr<FileSystem> fs_;
    std::map<std::string, UpperEntry> entries_;
};

} // namespace msb::diff
