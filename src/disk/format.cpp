#include "disk/format.hpp"

#include "base/system.hpp"
#include "disk/disk_channel.hpp"

#include <ctime>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

namespace msb::disk {

namespace {

constexpr unsigned block_size = 4096;
constexpr std::uint64_t bytes_per_inode = 16384;
constexpr unsigned journal_blocks = 16384; // 64 MiB

std::unexpected<Error> failed(errcode_t code, const std::string& path, const char* step) {
    const std::string text =
        std::string("cannot format '") + path + "' (" + step + "): " + error_message(code);
    // libext2fs passes errno values through unchanged.
    const bool no_space = code == ENOSPC || code == EDQUOT;
    return fail(no_space ? ErrorKind::no_space : ErrorKind::system, text);
}

ext2_super_block parameters(const Ext4Options& options) {
    ext2_super_block super{};
    const std::uint64_t blocks = options.size / block_size;
    ext2fs_blocks_count_set(&super, blocks);
    super.s_log_block_size = 2; // 1024 << 2
    super.s_log_cluster_size = 2;
    super.s_rev_level = EXT2_DYNAMIC_REV;
    super.s_inode_size = 256;
    super.s_desc_size = 64;
    super.s_log_groups_per_flex = 4;
    super.s_inodes_count = static_cast<__u32>(std::min<std::uint64_t>(
        std::max(options.size / bytes_per_inode, options.inodes), UINT32_MAX / 2));
    super.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_DIR_INDEX;
    super.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |
                               EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG;
    super.s_feature_ro_compat =
        EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
        EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
        EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
    return super;
}

void name_file_system(ext2_filsys fs) {
    ext2_super_block& super = *fs->super;
    (void)!::getrandom(super.s_uuid, sizeof(super.s_uuid), 0);
    super.s_uuid[6] = static_cast<__u8>((super.s_uuid[6] & 0x0f) | 0x40); // RFC 4122 version 4
    super.s_uuid[8] = static_cast<__u8>((super.s_uuid[8] & 0x3f) | 0x80);
    (void)!::getrandom(super.s_hash_seed, sizeof(super.s_hash_seed), 0);
    super.s_def_hash_version = EXT2_HASH_HALF_MD4;
    super.s_flags |= EXT2_FLAGS_SIGNED_HASH;
    super.s_min_extra_isize = super.s_want_extra_isize = 32;
    super.s_max_mnt_count = static_cast<__u16>(-1); // never ask for a check
    super.s_errors = EXT2_ERRORS_CONTINUE;
    super.s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
    ext2fs_r_blocks_count_set(&super, 0);       // no reserve for root: the guest is root
    super.s_checksum_type = EXT2_CRC32C_CHKSUM; // ext2fs_initialize() does not take it over
    ext2fs_init_csum_seed(fs);
}

/// The file is new, so every inode table is zero already: say so, and the kernel does not zero them
/// in the background ("lazy initialisation").
void mark_tables_zeroed(ext2_filsys fs) {
    for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
        ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_ZEROED);
        ext2fs_group_desc_csum_set(fs, group);
    }
}

errcode_t reserve_inodes(ext2_filsys fs) {
    for (ext2_ino_t inode = EXT2_ROOT_INO + 1; inode < EXT2_FIRST_INODE(fs->super); ++inode)
        ext2fs_inode_alloc_stats2(fs, inode, +1, 0);
    ext2fs_mark_inode_bitmap2(fs->inode_map, EXT2_BAD_INO);
    ext2fs_inode_alloc_stats2(fs, EXT2_BAD_INO, +1, 0);
    ext2fs_mark_ib_dirty(fs);
    return ext2fs_update_bb_inode(fs, nullptr);
}

Status fill(ext2_filsys fs, const std::string& path, const Ext4Options& options) {
    const auto step = [&](errcode_t code, const char* name) -> Status {
        return code == 0 ? Status() : failed(code, path, name);
    };
    name_file_system(fs);
    MSB_TRY(step(ext2fs_allocate_tables(fs), "tables"));
    mark_tables_zeroed(fs);
    MSB_TRY(step(ext2fs_mkdir(fs, EXT2_ROOT_INO, EXT2_ROOT_INO, nullptr), "root directory"));
    MSB_TRY(step(reserve_inodes(fs), "reserved inodes"));
    MSB_TRY(step(ext2fs_mkdir(fs, EXT2_ROOT_INO, 0, "lost+found"), "lost+found"));
    if (options.overlay)
        for (const char* name : {"upper", "work"})
            MSB_TRY(step(ext2fs_mkdir(fs, EXT2_ROOT_INO, 0, name), name));
    if (options.journal)
        MSB_TRY(step(ext2fs_add_journal_inode2(fs, journal_blocks, ~0ULL, EXT2_MKJOURNAL_LAZYINIT),
                     "journal"));
    return {};
}

} // namespace

Status format_disk(const std::string& path, const Ext4Options& options) {
    if (options.size < min_size || options.size > max_size)
        return fail(ErrorKind::invalid_argument, "a disk must have between 128 MiB and 16 TiB");
    {
        const OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
        MSB_TRY(sys::truncate(fd.get(), options.size / block_size * block_size));
    }
    ext2_super_block super = parameters(options);
    ext2_filsys handle = nullptr;
    if (const errcode_t code =
            ext2fs_initialize(path.c_str(), EXT2_FLAG_64BITS, &super, unix_io_manager, &handle))
        return failed(code, path, "initialise");
    FileSystem fs(handle);
    MSB_TRY(fill(fs.get(), path, options));
    MSB_TRY_WRAP(fs.close(), "cannot format '" + path + "'");
    return {};
}

} // namespace msb::disk
