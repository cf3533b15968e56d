#include "diff/disk_channel.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <charconv>
#include <cstring>
#include <memory>

namespace msb::diff {

namespace {

int file_of(io_channel channel) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(channel->private_data));
}

errcode_t open_channel(const char* name, int flags, io_channel* result) {
    int file = -1;
    const std::string_view text = name;
    if ((flags & IO_FLAG_RW) != 0 ||
        std::from_chars(text.data(), text.data() + text.size(), file).ec != std::errc{})
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

/// `count`: blocks, or bytes if it is negative.
errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data) {
    const auto size =
        count < 0 ? static_cast<std::size_t>(-static_cast<long>(count))
                  : static_cast<std::size_t>(count) * static_cast<std::size_t>(channel->block_size);
    const auto offset =
        checked_mul<std::uint64_t>(block, static_cast<unsigned>(channel->block_size));
    if (!offset || *offset > INT64_MAX)
        return EXT2_ET_SHORT_READ;
    const MutableBytesView buffer(static_cast<std::uint8_t*>(data), size);
    return sys::pread_all(file_of(channel), buffer, *offset) ? 0 : EXT2_ET_SHORT_READ;
}

errcode_t read_few_blocks(io_channel channel, unsigned long block, int count, void* data) {
    return read_blocks(channel, block, count, data);
}

errcode_t refuse_write(io_channel, unsigned long, int, const void*) {
    return EXT2_ET_RO_FILSYS;
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
        made.write_blk = refuse_write;
        made.flush = nothing_to_flush;
        return made;
    }();
    return &manager;
}

} // namespace msb::diff
