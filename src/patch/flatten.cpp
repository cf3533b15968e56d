#include "patch/flatten.hpp"

#include "base/sizes.hpp"

#include <algorithm>
#include <map>
#include <sys/stat.h>

namespace msb::patch {

namespace {

using Inode = disk::TreeWriter::Inode;

constexpr std::uint64_t block = 4096;
constexpr std::uint64_t inode_size = 256;
constexpr std::uint64_t journal = 64 * mib;
constexpr std::uint64_t group = 128 * mib; ///< what one block of bitmap describes
constexpr std::size_t copy_size = std::size_t{1} << 20;

class Flattening {
  public:
    Flattening(disk::FileSystem& fs, const image::ErofsReader& image)
        : fs_(fs), writer_(fs), image_(image) {}

    /// Parents come before what is in them.
    Status add(const image::FileInfo& file) {
        if (file.path == "/") {
            directories_["/"] = disk::TreeWriter::root;
            return writer_.set_attributes(disk::TreeWriter::root, attributes_of(file));
        }
        const auto slash = file.path.rfind('/');
        const auto parent = directories_.find(slash == 0 ? "/" : file.path.substr(0, slash));
        const std::string name = file.path.substr(slash + 1);
        if (parent == directories_.end())
            return fail(ErrorKind::corrupt, "'" + file.path + "' comes before its directory");
        const disk::Attributes like = attributes_of(file);
        if (S_ISDIR(file.mode)) {
            directories_[file.path] = MSB_TRY(add_directory(parent->second, name, like));
            return {};
        }
        if (const auto first = files_.find(file.identity); first != files_.end())
            return writer_.add_name(parent->second, name, first->second);
        files_[file.identity] = MSB_TRY(add_file(parent->second, name, file, like));
        return {};
    }

  private:
    /// The file system has one already that it wants: lost+found.
    Result<Inode> add_directory(Inode parent, const std::string& name,
                                const disk::Attributes& like) {
        if (const auto there = MSB_TRY(writer_.find(parent, name))) {
            MSB_TRY(writer_.set_attributes(*there, like));
            return *there;
        }
        return writer_.make_directory(parent, name, like);
    }

    Result<Inode> add_file(Inode parent, const std::string& name, const image::FileInfo& file,
                           const disk::Attributes& like) {
        if (S_ISLNK(file.mode))
            return writer_.make_link(parent, name, file.target, like);
        if (!S_ISREG(file.mode))
            return writer_.make_node(parent, name, like, file.major, file.minor);
        const Inode made = MSB_TRY(writer_.make_file(parent, name, like));
        MSB_TRY(copy_data(fs_, image_, file, made));
        return made;
    }

    disk::FileSystem& fs_;
    disk::TreeWriter writer_;
    const image::ErofsReader& image_;
    std::map<std::string, Inode> directories_;
    std::map<std::uint64_t, Inode> files_;
};

} // namespace

FlatSize size_of(const std::vector<image::FileInfo>& files) {
    FlatSize size;
    std::uint64_t data = 0;
    for (const image::FileInfo& file : files) {
        ++size.inodes;
        // A block more for each: directories, long links, attributes, the tree of a file's extents.
        data += block;
        if (S_ISREG(file.mode))
            data += align_up(file.size, block);
    }
    size.inodes += size.inodes / 10 + 64;
    data += size.inodes * inode_size + journal;
    size.bytes = align_up(data + std::max(data / 20, 64 * mib), group);
    return size;
}

Status flatten(disk::FileSystem& fs, const image::ErofsReader& image,
               const std::vector<image::FileInfo>& files) {
    Flattening flattening(fs, image);
    for (const image::FileInfo& file : files)
        MSB_TRY_WRAP(flattening.add(file), "'" + file.path + "'");
    return {};
}

Status copy_data(disk::FileSystem& fs, const image::ErofsReader& image, const image::FileInfo& file,
                 Inode into) {
    disk::FileWriter to = MSB_TRY(disk::FileWriter::open(fs, into));
    Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(copy_size, file.size)));
    for (std::uint64_t done = 0; done < file.size;) {
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), file.size - done));
        const MutableBytesView part = MutableBytesView(buffer).first(count);
        MSB_TRY(image.read_data(file, done, part));
        MSB_TRY(to.write(done, part));
        done += count;
    }
    return to.finish(file.size);
}

disk::Attributes attributes_of(const image::FileInfo& file) {
    return {.mode = file.mode,
            .uid = file.uid,
            .gid = file.gid,
            .mtime = file.mtime,
            .mtime_nsec = file.mtime_nsec,
            .xattrs = file.xattrs};
}

} // namespace msb::patch
