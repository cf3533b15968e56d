#include "disk/disk_channel.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

namespace msb::disk {

namespace {

int file_of(io_channel channel) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(channel->private_data));
}

errcode_t open_channel(const char* name, int, io_channel* result) {
    int file = -1;
    const std::string_view text = name;
    if (std::from_chars(text.data(), text.data() + text.size(), file).ec != std::errc{})
        return EXT2_ET_OP_NOT_SUPPORTED;
    auto channel = std::make_unique<struct_io_channel>();
    std::memset(channel.get(), 0, sizeof(struct_io_channel));
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = disk_channel();
    channel->block_size = 1024; // of the superblock, until it is known
    channel->refcount = 1;
    channel->private_data = reinterpret_cast<void*>(static_cast<std::intptr_t>(file));
    *result = channel.release();
    return 0;
}

errcode_t close_channel(io_channel channel) {
    if (--channel->refcount == 0)
        std::unique_ptr<struct_io_channel>{channel}.reset();
    return 0;
}

errcode_t set_block_size(io_channel channel, int size) {
    channel->block_size = size;
    return 0;
}

struct Range {
    std::uint64_t offset;
    std::size_t size;
};

/// `count`: blocks, or bytes if it is negative.
std::optional<Range> range_of(io_channel channel, unsigned long long block, int count) {
    const auto block_size = static_cast<unsigned>(channel->block_size);
    const auto size = count < 0 ? static_cast<std::size_t>(-static_cast<long>(count))
                                : static_cast<std::size_t>(count) * block_size;
    const auto offset = checked_mul<std::uint64_t>(block, block_size);
    if (!offset || *offset > INT64_MAX)
        return std::nullopt;
    return Range{*offset, size};
}

errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data) {
    const auto range = range_of(channel, block, count);
    if (!range)
        return EXT2_ET_SHORT_READ;
    const MutableBytesView buffer(static_cast<std::uint8_t*>(data), range->size);
    return sys::pread_all(file_of(channel), buffer, range->offset) ? 0 : EXT2_ET_SHORT_READ;
}

errcode_t read_few_blocks(io_channel channel, unsigned long block, int count, void* data) {
    return read_blocks(channel, block, count, data);
}

/// The kernel refuses it where the file was opened for reading.
errcode_t write_blocks(io_channel channel, unsigned long long block, int count, const void* data) {
    const auto range = range_of(channel, block, count);
    if (!range)
        return EXT2_ET_SHORT_WRITE;
    const BytesView bytes(static_cast<const std::uint8_t*>(data), range->size);
    const Status written = sys::pwrite_all(file_of(channel), bytes, range->offset);
    return written ? 0 : written.error().sys_errno();
}

errcode_t write_few_blocks(io_channel channel, unsigned long block, int count, const void* data) {
    return write_blocks(channel, block, count, data);
}

errcode_t write_bytes(io_channel channel, unsigned long offset, int size, const void* data) {
    const BytesView bytes(static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size));
    const Status written = sys::pwrite_all(file_of(channel), bytes, offset);
    return written ? 0 : written.error().sys_errno();
}

errcode_t nothing_to_flush(io_channel) {
    return 0;
}

} // namespace

io_manager disk_channel() {
    static struct_io_manager manager = [] {
        struct_io_manager made;
        std::memset(&made, 0, sizeof(made));
        made.magic = EXT2_ET_MAGIC_IO_MANAGER;
        made.name = "an open file";
        made.open = open_channel;
        made.close = close_channel;
        made.set_blksize = set_block_size;
        made.read_blk = read_few_blocks;
        made.read_blk64 = read_blocks;
        made.write_blk = write_few_blocks;
        made.write_blk64 = write_blocks;
        made.write_byte = write_bytes;
        made.flush = nothing_to_flush;
        return made;
    }();
    return &manager;
}

Error damaged_disk(const std::string& what, errcode_t code) {
    initialize_ext2_error_table(); // or codes have no text
    const std::string reason = code != 0 ? std::string(": ") + error_message(code) : std::string();
    if (code == ENOSPC || code == EDQUOT || code == EXT2_ET_BLOCK_ALLOC_FAIL ||
        code == EXT2_ET_INODE_ALLOC_FAIL)
        return Error(ErrorKind::no_space, "no room: " + what + reason);
    return Error(ErrorKind::corrupt, "the disk's file system is damaged: " + what + reason);
}

namespace {
/// The library also says on the standard error what it finds wrong with a disk.
void say_nothing(const char*, long, const char*, va_list) {}
} // namespace

Result<FileSystem> FileSystem::open(int file, bool writable) {
    (void)::set_com_err_hook(say_nothing);
    const std::string name = std::to_string(file);
    const int flags = EXT2_FLAG_64BITS | (writable ? EXT2_FLAG_RW : 0);
    ext2_filsys handle = nullptr;
    MSB_EXT2(ext2fs_open2(name.c_str(), nullptr, flags, 0, 0, disk_channel(), &handle),
             "it cannot be opened");
    FileSystem opened(handle);
    if (ext2fs_has_feature_journal_needs_recovery(handle->super))
        return fail(Error(ErrorKind::busy, "the guest did not unmount the disk")
                        .with_hint("start the sandbox and stop it again"));
    if (!writable)
        return opened;
    // The bitmaps of a whole file system are one array for libext2fs, which it fills group by group
    // without a look at its end; a tree has none.
    const ext2_super_block& super = *handle->super;
    if (std::uint64_t{super.s_inodes_per_group} * handle->group_desc_count != super.s_inodes_count)
        return fail(damaged_disk("its numbers of inodes do not fit together"));
    handle->default_bitmap_type = EXT2FS_BMAP64_RBTREE;
    MSB_EXT2(ext2fs_read_bitmaps(handle), "what is free");
    return opened;
}

FileSystem::~FileSystem() {
    if (handle_ != nullptr)
        ext2fs_free(handle_);
}

Status FileSystem::close() {
    MSB_EXT2(ext2fs_close_free(&handle_), "it cannot be written");
    return {};
}

} // namespace msb::disk
