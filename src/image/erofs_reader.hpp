// Reads an EROFS device as Linux does, and stricter: names must be sorted, link counts right, data
// inside the device. Written against the on-disk format only, so that it checks the writer.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace msb::image {

struct FileInfo {
    std::string path; ///< "/" for the root.
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t size = 0;
    std::int64_t mtime = 0;
    std::uint32_t mtime_nsec = 0;
    std::uint32_t links = 0;
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint64_t identity = 0; ///< The same for hard links.
    std::string target;         ///< Of a symbolic link.
    std::map<std::string, std::string> xattrs;
    std::uint64_t data_offset = 0; ///< On the device, for regular files with data.
};

class ErofsReader {
  public:
    using ReadAt = std::function<Status(std::uint64_t offset, MutableBytesView buffer)>;
    /// A directory beyond this is no file system's.
    static constexpr std::uint64_t max_directory = std::uint64_t{64} << 20;

    ErofsReader(ReadAt read, std::uint64_t device_size)
        : read_(std::move(read)), device_size_(device_size) {}

    /// Every file, parents before children, in directory order.
    Result<std::vector<FileInfo>> read_all();
    Result<std::string> content(const FileInfo& file) const;
    /// Fills the buffer with data of a regular file, which has so much.
    Status read_data(const FileInfo& file, std::uint64_t offset, MutableBytesView buffer) const;

    // Single files, known by FileInfo::identity; their `path` is empty.
    Result<FileInfo> root() const;
    /// Nothing if the directory has no such name, or is none. As Linux looks names up: where a
    /// directory is not sorted they agree, too.
    Result<std::optional<FileInfo>> find(const FileInfo& directory, std::string_view name) const;
    /// All names of a directory but "." and "..".
    Result<std::vector<std::string>> names(const FileInfo& directory) const;

  private:
    struct Inode {
        FileInfo info;
        unsigned layout = 0;
        std::uint32_t block = 0;
        std::uint64_t tail_at = 0; ///< Where inline data is.
    };
    struct Entry {
        std::string_view name; ///< in the block that was read
        std::uint64_t child = 0;
        std::uint8_t type = 0;
    };
    /// The names in a block of the directory `path`.
    static Result<std::vector<Entry>> entries(BytesView block, const std::string& path);
    /// A block of a directory, or what there is of the last one.
    Result<Bytes> directory_block(const Inode& directory, std::uint64_t index) const;
    /// How many there are.
    static Result<std::uint64_t> directory_blocks(const Inode& directory);
    Result<std::uint64_t> root_number() const;
    /// With what a symbolic link leads to.
    Result<FileInfo> describe(std::uint64_t number) const;
    Result<Bytes> bytes_at(std::uint64_t offset, std::uint64_t size) const;
    Result<Inode> inode(std::uint64_t nid) const;
    Status read_xattrs(std::uint64_t offset, std::uint64_t size, FileInfo& info) const;
    Result<std::string> link_target(const Inode& inode) const;
    Status walk(std::uint64_t nid, std::uint64_t parent, const std::string& path,
                std::vector<FileInfo>& files, unsigned depth);
    Status check_links(const std::vector<FileInfo>& files) const;

    ReadAt read_;
    std::uint64_t device_size_;
};

} // namespace msb::image
