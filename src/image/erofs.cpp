// Layout of the blob:
//
//   0      1024 zero bytes, super block (128 bytes)
//   1152   inodes, each in 32-byte slots, followed by its xattrs and, if it fits in the same block,
//          the end of a directory or the target of a symbolic link
//   ...    whole directory blocks, and link targets too long to be inline
//
// Two passes: the first gives every inode a position and every directory its size, for which only
// names are needed; the second writes, when all positions are known. The inodes of a directory's
// children lie together, in name order, so listing a directory reads neighbouring blocks.
#include "image/erofs.hpp"

#include "image/erofs_format.hpp"

#include <algorithm>
#include <isa-l/crc.h>
#include <sys/stat.h>

namespace msb::image {

namespace {

using namespace erofs;

constexpr std::uint64_t first_inode = super_offset + sizeof(SuperBlock);
static_assert(first_inode % slot_size == 0);

struct XattrPrefix {
    std::string_view text;
    std::uint8_t index;
    bool whole; ///< The prefix is the name.
};
constexpr XattrPrefix xattr_prefixes[] = {{"user.", 1, false},
                                          {"system.posix_acl_access", 2, true},
                                          {"system.posix_acl_default", 3, true},
                                          {"trusted.", 4, false},
                                          {"security.", 6, false}};

std::uint8_t file_type(std::uint16_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG: return 1;
    case S_IFDIR: return 2;
    case S_IFCHR: return 3;
    case S_IFBLK: return 4;
    case S_IFIFO: return 5;
    case S_IFLNK: return 7;
    default: return 0;
    }
}

/// Linux's new_encode_dev().
std::uint32_t encode_device(std::uint64_t device) {
    const auto major = static_cast<std::uint32_t>(device >> 32);
    const auto minor = static_cast<std::uint32_t>(device);
    return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

/// The xattr body of an inode: header and entries; empty if there are none.
std::string xattr_body(BytesView list) {
    std::string body;
    const auto xattrs = split_xattrs(list);
    for (const Xattr& xattr : *xattrs) {
        for (const XattrPrefix& prefix : xattr_prefixes) {
            if (prefix.whole ? xattr.name != prefix.text : !xattr.name.starts_with(prefix.text))
                continue;
            const std::string_view name = xattr.name.substr(prefix.text.size());
            const XattrEntry entry{static_cast<std::uint8_t>(name.size()), prefix.index,
                                   static_cast<std::uint16_t>(xattr.value.size())};
            body += as_text(object_bytes(entry));
            body += name;
            body += xattr.value;
            body.resize(align_up<std::size_t>(body.size(), 4));
            break;
        }
    }
    return body.empty() ? body : std::string(sizeof(XattrHeader), '\0') + body;
}

struct Name {
    std::string_view text;
    const MergedInode* inode;
};

/// All names of a directory in disk order: by bytes, "." and ".." among them.
void directory_names(const MergedNode& directory, std::vector<Name>& names) {
    names.clear();
    const Name dots[] = {{".", directory.inode}, {"..", directory.parent->inode}};
    const Name* dot = dots;
    for (const MergedNode* child : directory.children) {
        while (dot != std::end(dots) && dot->text < child->name)
            names.push_back(*dot++);
        names.push_back({child->name, child->inode});
    }
    names.insert(names.end(), dot, std::end(dots));
}

/// How many names from `first` on fit one directory block, and the bytes that they take.
std::pair<std::size_t, std::size_t> fill_block(std::span<const Name> names, std::size_t first) {
    std::size_t bytes = 0;
    std::size_t i = first;
    for (; i < names.size(); ++i) {
        const std::size_t more = sizeof(DirEntry) + names[i].text.size();
        if (bytes + more > block_size)
            break;
        bytes += more;
    }
    return {i - first, bytes};
}

std::uint64_t directory_size(std::span<const Name> names) {
    std::uint64_t blocks = 0;
    for (std::size_t first = 0;;) {
        const auto [count, bytes] = fill_block(names, first);
        first += count;
        if (first == names.size())
            return blocks * block_size + bytes;
        ++blocks;
    }
}

class Writer {
  public:
    explicit Writer(MergedTree& tree) : tree_(tree) {}

    Result<Bytes> write(const std::array<std::uint8_t, 16>& uuid) {
        count_links();
        place_all();
        const std::uint64_t inode_blocks = align_up<std::uint64_t>(end_, block_size) / block_size;
        const std::uint64_t total = inode_blocks + extra_blocks_ + tree_.data_blocks();
        if (total >= no_block)
            return fail(ErrorKind::limit_exceeded, "the image is larger than 16 TiB");
        extra_start_ = inode_blocks;
        data_start_ = inode_blocks + extra_blocks_;
        blob_.resize(data_start_ * block_size);
        for (const Placed& placed : placed_)
            write_inode(placed);
        write_super_block(total, uuid);
        return std::move(blob_);
    }

  private:
    struct Placed {
        MergedInode* inode;
        MergedNode* directory;    ///< Only for directories.
        std::string xattrs;       ///< Encoded body.
        std::uint64_t size;       ///< i_size
        std::uint64_t extra = 0;  ///< First block among the extra blocks, if it has any.
        bool inline_tail = false; ///< The last part follows the inode.
    };

    template <typename Visit> void each_directory(Visit visit) {
        std::vector<MergedNode*> stack{&tree_.root()};
        while (!stack.empty()) {
            MergedNode* directory = stack.back();
            stack.pop_back();
            visit(directory);
            for (auto child = directory->children.rbegin(); child != directory->children.rend();
                 ++child)
                if ((*child)->is_directory())
                    stack.push_back(*child);
        }
    }

    void count_links() {
        tree_.root().inode->links = 2;
        each_directory([](MergedNode* directory) {
            for (MergedNode* child : directory->children) {
                child->inode->links += child->is_directory() ? 2 : 1;
                if (child->is_directory())
                    ++directory->inode->links;
            }
        });
    }

    void place_all() {
        place(&tree_.root());
        each_directory([this](MergedNode* directory) {
            for (MergedNode* child : directory->children)
                if (child->inode->number == 0)
                    place(child);
        });
    }

    // Gives an inode its position, and its directory or link data a place.
    void place(MergedNode* node) {
        MergedInode* inode = node->inode;
        Placed placed{
            .inode = inode, .directory = nullptr, .xattrs = xattr_body(inode->xattrs), .size = 0};
        std::uint64_t own_data = 0; // bytes to be stored in this blob
        if (node->is_directory()) {
            directory_names(*node, names_);
            placed.directory = node;
            placed.size = own_data = directory_size(names_);
        } else if (node->is_symlink()) {
            placed.size = own_data = inode->text.size();
        } else if (S_ISREG(inode->record.mode)) {
            placed.size = inode->record.size;
        }
        const std::uint64_t body = sizeof(Inode) + placed.xattrs.size();
        const std::uint64_t tail = own_data % block_size;
        std::uint64_t at = align_up<std::uint64_t>(end_, slot_size);
        const std::uint64_t room = block_size - at % block_size;
        if (tail > 0 && body + tail <= block_size) {
            // A tail may not cross a block. Start a new block for it, or give it a block of its
            // own, whichever leaves less unused.
            placed.inline_tail = body + tail <= room || room <= block_size - tail;
        }
        if (placed.inline_tail ? body + tail > room : room < sizeof(Inode))
            at += room;
        inode->position = at;
        inode->number = static_cast<std::uint32_t>(placed_.size()) + 1;
        end_ = at + body + (placed.inline_tail ? tail : 0);
        placed.extra = extra_blocks_;
        extra_blocks_ += own_data / block_size + (tail > 0 && !placed.inline_tail ? 1 : 0);
        placed_.push_back(std::move(placed));
    }

    void write_inode(const Placed& placed) {
        const MergedInode& inode = *placed.inode;
        const InodeRecord& record = inode.record;
        Inode out{.format = placed.inline_tail ? format_inline : format_plain,
                  .xattr_count = 0,
                  .mode = record.mode,
                  .size = placed.size,
                  .block_or_device = no_block,
                  .number = inode.number,
                  .uid = record.uid,
                  .gid = record.gid,
                  .mtime = static_cast<std::uint64_t>(record.mtime),
                  .mtime_nsec = record.mtime_nsec,
                  .links = inode.links};
        if (!placed.xattrs.empty())
            out.xattr_count =
                static_cast<std::uint16_t>((placed.xattrs.size() - sizeof(XattrHeader)) / 4 + 1);
        if (S_ISCHR(record.mode) || S_ISBLK(record.mode))
            out.block_or_device = encode_device(record.size);
        else if (S_ISFIFO(record.mode))
            out.block_or_device = 0;
        else if (S_ISREG(record.mode) && placed.size > 0)
            out.block_or_device = static_cast<std::uint32_t>(data_start_ + inode.data_block);
        else if (placed.size >= block_size || (placed.size > 0 && !placed.inline_tail))
            out.block_or_device = static_cast<std::uint32_t>(extra_start_ + placed.extra);
        put(inode.position, object_bytes(out));
        const std::uint64_t after = inode.position + sizeof(Inode);
        put(after, as_bytes(placed.xattrs));
        const std::uint64_t tail_at = after + placed.xattrs.size();
        if (placed.directory)
            write_directory(placed, tail_at);
        else if (S_ISLNK(record.mode))
            put(placed.inline_tail ? tail_at : (extra_start_ + placed.extra) * block_size,
                as_bytes(inode.text));
    }

    void write_directory(const Placed& placed, std::uint64_t tail_at) {
        directory_names(*placed.directory, names_);
        std::uint64_t at = (extra_start_ + placed.extra) * block_size;
        for (std::size_t first = 0; first < names_.size();) {
            const auto [count, bytes] = fill_block(names_, first);
            const bool last = first + count == names_.size();
            // A last block that is exactly full has no tail.
            const bool in_tail = last && placed.inline_tail && bytes < block_size;
            write_directory_block(std::span(names_).subspan(first, count), in_tail ? tail_at : at);
            at += block_size;
            first += count;
        }
    }

    void write_directory_block(std::span<const Name> names, std::uint64_t at) {
        std::size_t offset = names.size() * sizeof(DirEntry);
        for (std::size_t i = 0; i < names.size(); ++i) {
            const MergedInode& inode = *names[i].inode;
            const DirEntry entry{.nid = inode.position / slot_size,
                                 .name_offset = static_cast<std::uint16_t>(offset),
                                 .file_type = file_type(inode.record.mode),
                                 .reserved = 0};
            put(at + i * sizeof(DirEntry), object_bytes(entry));
            put(at + offset, as_bytes(names[i].text));
            offset += names[i].text.size();
        }
    }

    void write_super_block(std::uint64_t total, const std::array<std::uint8_t, 16>& uuid) {
        SuperBlock super{.magic = magic,
                         .feature_compat = compat_checksum | compat_mtime,
                         .block_bits = 12,
                         .root_nid =
                             static_cast<std::uint16_t>(tree_.root().inode->position / slot_size),
                         .inode_count = placed_.size(),
                         .blocks = static_cast<std::uint32_t>(total)};
        std::ranges::copy(uuid, super.uuid);
        put(super_offset, object_bytes(super));
        super.checksum = crc32_iscsi(blob_.data() + super_offset,
                                     static_cast<int>(block_size - super_offset), UINT32_MAX);
        put(super_offset, object_bytes(super));
    }

    void put(std::uint64_t at, BytesView bytes) {
        std::ranges::copy(bytes, blob_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    MergedTree& tree_;
    std::vector<Placed> placed_;
    std::vector<Name> names_; ///< Scratch.
    std::uint64_t end_ = first_inode;
    std::uint64_t extra_blocks_ = 0;
    std::uint64_t extra_start_ = 0;
    std::uint64_t data_start_ = 0;
    Bytes blob_;
};

} // namespace

Result<Bytes> write_erofs(MergedTree& tree, const std::array<std::uint8_t, 16>& uuid) {
    return Writer(tree).write(uuid);
}

} // namespace msb::image
