// The stored metadata of one layer: every entry, as a tree, in one compact file.
//
// Layout, all numbers little-endian (the records are read in place on little-endian hosts):
//   Header        64 bytes
//   InodeRecord   56 bytes each; several entries may name one inode (hard links)
//   EntryRecord   16 bytes each; entry 0 is the root. Children of a directory are contiguous and
//                 sorted by name as bytes; directories come in the order of their entries, so
//                 `parent` never decreases (breadth-first order).
//   heap          names, link targets, xattrs
// An xattr list is a sequence of { u8 name length, u16 value length, name, value }.
//
// The file is written by a confined worker that has parsed hostile bytes, so every field is checked
// when it is read.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "image/digest.hpp"

#include <vector>

namespace msb::image {

constexpr std::uint32_t max_entries = 1'000'000;
constexpr std::uint32_t max_depth = 128;
constexpr std::size_t max_name_length_bytes = 255;
constexpr unsigned max_links_followed = 40;      ///< in one path, as Linux
constexpr std::size_t max_symlink_length = 4095; ///< Linux PATH_MAX without the NUL.
constexpr std::uint64_t max_file_size = std::uint64_t{5} << 30;
constexpr std::uint64_t max_layer_size = std::uint64_t{10} << 30;
constexpr std::uint32_t data_block_size = 4096;
/// Per inode, encoded; what a file system can hold inline.
constexpr std::size_t max_xattr_bytes = std::size_t{64} << 10;

constexpr std::uint32_t no_inode = UINT32_MAX; ///< EntryRecord::inode of a whiteout.

namespace inode_flag {
/// A directory that no entry of the layer describes: only the path to something else.
constexpr std::uint16_t implied = 1;
/// A hard link to a path that is not in this layer; `text` is the path, `mode` is 0.
constexpr std::uint16_t foreign_link = 2;
} // namespace inode_flag

namespace entry_flag {
constexpr std::uint8_t opaque = 1; ///< The directory hides what lower layers have in it.
} // namespace entry_flag

struct InodeRecord {
    std::uint16_t mode; ///< Type and permissions, as st_mode.
    std::uint16_t flags;
    std::uint32_t uid;
    std::uint32_t gid;
    std::uint32_t mtime_nsec;
    std::int64_t mtime;
    /// Files: bytes. Devices: (major << 32) | minor.
    std::uint64_t size;
    std::uint32_t first_block; ///< Files: where the data starts, in 4096-byte blocks.
    std::uint32_t text_offset; ///< Symlinks and foreign links: in the heap.
    std::uint32_t text_length;
    std::uint32_t xattr_offset;
    std::uint32_t xattr_length;
    std::uint32_t reserved;
};
static_assert(sizeof(InodeRecord) == 56);

struct EntryRecord {
    std::uint32_t parent;
    std::uint32_t inode;
    std::uint32_t name_offset;
    std::uint16_t name_length;
    std::uint8_t flags;
    std::uint8_t reserved;
};
static_assert(sizeof(EntryRecord) == 16);

/// What a layer's metadata consists of before it is written.
struct IndexContents {
    std::vector<InodeRecord> inodes;
    std::vector<EntryRecord> entries;
    std::string heap;
    std::uint64_t data_blocks = 0;
};

Bytes encode_index(const IndexContents& contents);

/// A checked view of an encoded index; the bytes must outlive it. After parse() every index,
/// offset, name and count in it may be used without another check.
class IndexView {
  public:
    /// `corrupt` says what is wrong.
    static Result<IndexView> parse(BytesView bytes);

    std::span<const InodeRecord> inodes() const { return inodes_; }
    std::span<const EntryRecord> entries() const { return entries_; }
    std::uint64_t data_blocks() const { return data_blocks_; }

    std::string_view name(const EntryRecord& entry) const {
        return heap_.substr(entry.name_offset, entry.name_length);
    }
    std::string_view text(const InodeRecord& inode) const {
        return heap_.substr(inode.text_offset, inode.text_length);
    }
    BytesView xattrs(const InodeRecord& inode) const {
        return as_bytes(heap_.substr(inode.xattr_offset, inode.xattr_length));
    }
    /// The children of entry `i`: a range of entry numbers.
    std::pair<std::uint32_t, std::uint32_t> children(std::uint32_t i) const {
        return {first_child_[i], first_child_[i + 1]};
    }

  private:
    Status check_inodes() const;
    Status check_entries();
    std::span<const InodeRecord> inodes_;
    std::span<const EntryRecord> entries_;
    std::string_view heap_;
    std::uint64_t data_blocks_ = 0;
    std::vector<std::uint32_t> first_child_;
};

struct Xattr {
    std::string_view name;
    std::string_view value;
};
/// Splits an xattr list; nothing if it is malformed.
std::optional<std::vector<Xattr>> split_xattrs(BytesView bytes);
void append_xattr(std::string& list, std::string_view name, std::string_view value);

} // namespace msb::image
