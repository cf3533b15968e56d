// On-disk structures of EROFS (Linux Documentation/filesystems/erofs.rst, fs/erofs/erofs_fs.h), as
// far as they are used here: uncompressed files in one run of blocks each.
#pragma once

#include <cstdint>

namespace msb::image::erofs {

constexpr std::uint32_t magic = 0xe0f5e1e2;
constexpr std::uint32_t block_size = 4096;
constexpr std::uint64_t super_offset = 1024;
constexpr std::uint64_t slot_size = 32; ///< Inode addresses (nid) count these.
constexpr std::uint32_t no_block = UINT32_MAX;

constexpr std::uint32_t compat_checksum = 1; ///< EROFS_FEATURE_COMPAT_SB_CHKSUM
constexpr std::uint32_t compat_mtime = 2;    ///< inode times are modification times

struct SuperBlock {
    std::uint32_t magic;
    std::uint32_t checksum; ///< CRC-32C of the rest of the block, this field 0, no final inversion.
    std::uint32_t feature_compat;
    std::uint8_t block_bits;
    std::uint8_t ext_slots;
    std::uint16_t root_nid;
    std::uint64_t inode_count;
    std::uint64_t build_time;
    std::uint32_t build_time_nsec;
    std::uint32_t blocks;
    std::uint32_t meta_block;
    std::uint32_t xattr_block;
    std::uint8_t uuid[16];
    std::uint8_t volume_name[16];
    std::uint32_t feature_incompat;
    std::uint16_t available_compression;
    std::uint16_t extra_devices;
    std::uint16_t device_table_slot;
    std::uint8_t directory_block_bits;
    std::uint8_t reserved[37];
};
static_assert(sizeof(SuperBlock) == 128);

/// i_format: bit 0 = extended inode, bits 1-3 = data layout.
constexpr std::uint16_t format_plain = 1 | 0 << 1;  ///< All data in blocks.
constexpr std::uint16_t format_inline = 1 | 2 << 1; ///< The last part follows the inode.

struct Inode {
    std::uint16_t format;
    std::uint16_t xattr_count; ///< 0, or 1 + (bytes of entries) / 4
    std::uint16_t mode;
    std::uint16_t reserved;
    std::uint64_t size;
    std::uint32_t block_or_device;
    std::uint32_t number;
    std::uint32_t uid;
    std::uint32_t gid;
    std::uint64_t mtime;
    std::uint32_t mtime_nsec;
    std::uint32_t links;
    std::uint8_t reserved2[16];
};
static_assert(sizeof(Inode) == 64);

struct XattrHeader {
    std::uint32_t name_filter;
    std::uint8_t shared_count;
    std::uint8_t reserved[7];
};
static_assert(sizeof(XattrHeader) == 12);

struct XattrEntry {
    std::uint8_t name_length;
    std::uint8_t name_index; ///< Which prefix is left out of the name.
    std::uint16_t value_size;
};
static_assert(sizeof(XattrEntry) == 4);

/// In each directory block: entries, then their names. The first name offset tells the count.
struct __attribute__((packed)) DirEntry {
    std::uint64_t nid;
    std::uint16_t name_offset;
    std::uint8_t file_type;
    std::uint8_t reserved;
};
static_assert(sizeof(DirEntry) == 12);

} // namespace msb::image::erofs
