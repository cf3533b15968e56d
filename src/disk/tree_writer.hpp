// Files, directories and links written into an ext4 file system that nobody has mounted. What is
// already there may be a guest's: everything read of it is checked, and limits hold.
#pragma once

#include "base/bytes.hpp"
#include "disk/disk_channel.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace msb::disk {

/// What a file has besides its data and its names.
struct Attributes {
    std::uint32_t mode = 0; ///< type and permissions, as st_mode
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime = 0; ///< Unix seconds
    std::uint32_t mtime_nsec = 0;
    std::uint64_t size = 0;                    ///< of files; ignored when one is made
    std::map<std::string, std::string> xattrs; ///< full names; values as setxattr(2) takes them
};

class TreeWriter {
  public:
    using Inode = std::uint32_t;
    static constexpr Inode root = EXT2_ROOT_INO;
    static constexpr std::size_t max_depth = 512; ///< of directories that are removed
    static constexpr std::size_t max_names = 1'000'000;

    /// For as long as `fs` is open.
    explicit TreeWriter(FileSystem& fs) : fs_(fs.get()) {}

    /// Nothing if the directory has no such name.
    Result<std::optional<Inode>> find(Inode directory, const std::string& name) const;
    Result<Attributes> look(Inode inode) const;
    struct Child {
        std::string name;
        Inode inode;
    };
    /// What a directory has, without "." and ".."; at most max_names.
    Result<std::vector<Child>> list(Inode directory) const;
    /// Where a symbolic link leads.
    Result<std::string> target(Inode inode) const;

    // Each is an error if the directory has the name already.
    Result<Inode> make_directory(Inode directory, const std::string& name, const Attributes& like);
    Result<Inode> make_link(Inode directory, const std::string& name, const std::string& target,
                            const Attributes& like);
    /// An empty file.
    Result<Inode> make_file(Inode directory, const std::string& name, const Attributes& like);
    /// A device, FIFO or socket.
    Result<Inode> make_node(Inode directory, const std::string& name, const Attributes& like,
                            std::uint32_t major, std::uint32_t minor);
    /// What an overlay takes for "nothing of this name, whatever is below".
    Status make_whiteout(Inode directory, const std::string& name);
    /// One more name for a file.
    Status add_name(Inode directory, const std::string& name, Inode inode);

    /// Removes a name, and with a directory everything below. Nothing happens if it is not there.
    Status remove(Inode directory, const std::string& name);
    Status set_attributes(Inode inode, const Attributes& like);
    Status set_xattr(Inode inode, const std::string& name, const std::string& value);

  private:
    Status add_entry(Inode directory, const std::string& name, Inode inode, int type);
    Result<Inode> make_inode(Inode directory, const std::string& name, const Attributes& like,
                             int type, std::uint64_t device = 0);
    Status remove_inode(Inode inode, std::size_t depth, std::size_t& left);
    Status free_inode(Inode inode);

    ext2_filsys fs_;
};

/// The data of a file that is there.
class FileReader {
  public:
    static Result<FileReader> open(FileSystem& fs, TreeWriter::Inode inode);
    FileReader(FileReader&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
    FileReader& operator=(FileReader&&) = delete;
    ~FileReader();

    /// The next bytes; 0 at the end. Holes are zeroes.
    Result<std::size_t> read(MutableBytesView buffer);

  private:
    explicit FileReader(ext2_file_t file) : file_(file) {}
    ext2_file_t file_;
};

/// The data of a file.
class FileWriter {
  public:
    static Result<FileWriter> open(FileSystem& fs, TreeWriter::Inode inode);
    FileWriter(FileWriter&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
    FileWriter& operator=(FileWriter&&) = delete;
    ~FileWriter();

    /// What lies between two writes is a hole.
    Status write(std::uint64_t offset, BytesView data);
    Status finish(std::uint64_t size);

  private:
    explicit FileWriter(ext2_file_t file) : file_(file) {}
    ext2_file_t file_;
};

} // namespace msb::disk
