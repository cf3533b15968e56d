#include "image/index.hpp"

#include <algorithm>
#include <bit>
#include <isa-l/crc.h>
#include <sys/stat.h>

namespace msb::image {

namespace {

static_assert(std::endian::native == std::endian::little, "records are used in place");

constexpr std::uint64_t index_magic = 0x5844494c42534d00; // "\0MSBLIDX" in the file
constexpr std::uint32_t version = 1;

struct Header {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t checksum; ///< CRC-32C of the file with this field 0.
    std::uint32_t inode_count;
    std::uint32_t entry_count;
    std::uint64_t heap_size;
    std::uint64_t data_blocks;
    std::uint8_t reserved[24];
};
static_assert(sizeof(Header) == 64);

// crc32_iscsi takes a non-const pointer and an int length.
std::uint32_t crc32c(BytesView bytes, std::uint32_t seed) {
    while (!bytes.empty()) {
        const auto part = bytes.first(std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
        seed = crc32_iscsi(const_cast<unsigned char*>(part.data()), static_cast<int>(part.size()),
                           seed);
        bytes = bytes.subspan(part.size());
    }
    return seed;
}

std::uint32_t checksum_of(BytesView file) {
    Header header;
    std::memcpy(&header, file.data(), sizeof(header));
    header.checksum = 0;
    return crc32c(file.subspan(sizeof(Header)), crc32c(object_bytes(header), UINT32_MAX));
}

template <typename T> BytesView record_bytes(const std::vector<T>& records) {
    return {reinterpret_cast<const std::uint8_t*>(records.data()), records.size() * sizeof(T)};
}

std::unexpected<Error> corrupt(const char* what) {
    return fail(ErrorKind::corrupt, std::string("layer index: ") + what);
}

bool valid_name(std::string_view name) {
    return !name.empty() && name.size() <= max_name_length_bytes && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

bool inside(std::uint32_t offset, std::uint32_t length, std::size_t size) {
    return std::uint64_t{offset} + length <= size;
}

} // namespace

Bytes encode_index(const IndexContents& contents) {
    const Header header{.magic = index_magic,
                        .version = version,
                        .inode_count = static_cast<std::uint32_t>(contents.inodes.size()),
                        .entry_count = static_cast<std::uint32_t>(contents.entries.size()),
                        .heap_size = contents.heap.size(),
                        .data_blocks = contents.data_blocks};
    const BytesView parts[] = {object_bytes(header), record_bytes(contents.inodes),
                               record_bytes(contents.entries), as_bytes(contents.heap)};
    std::size_t size = 0;
    for (const BytesView part : parts)
        size += part.size();
    Bytes bytes(size);
    auto end = bytes.begin();
    for (const BytesView part : parts)
        end = std::ranges::copy(part, end).out;
    store_le(MutableBytesView(bytes).subspan(offsetof(Header, checksum)), checksum_of(bytes));
    return bytes;
}

Result<IndexView> IndexView::parse(BytesView bytes) {
    Header header;
    if (bytes.size() < sizeof(header))
        return corrupt("truncated");
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (header.magic != index_magic)
        return corrupt("not a layer index");
    if (header.version != version)
        return fail(ErrorKind::unsupported, "layer index: written by another version");
    if (header.entry_count == 0 || header.entry_count > max_entries ||
        header.inode_count > max_entries ||
        header.data_blocks > max_layer_size / data_block_size * 2)
        return corrupt("counts out of range");
    const std::size_t inode_bytes = header.inode_count * sizeof(InodeRecord);
    const std::size_t entry_bytes = header.entry_count * sizeof(EntryRecord);
    if (header.heap_size > UINT32_MAX ||
        bytes.size() != sizeof(header) + inode_bytes + entry_bytes + header.heap_size)
        return corrupt("wrong size");
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(InodeRecord) != 0)
        return corrupt("misaligned");
    if (checksum_of(bytes) != header.checksum)
        return corrupt("checksum is wrong");
    IndexView view;
    const std::uint8_t* at = bytes.data() + sizeof(header);
    view.inodes_ = {reinterpret_cast<const InodeRecord*>(at), header.inode_count};
    view.entries_ = {reinterpret_cast<const EntryRecord*>(at + inode_bytes), header.entry_count};
    view.heap_ = as_text(bytes.subspan(sizeof(header) + inode_bytes + entry_bytes));
    view.data_blocks_ = header.data_blocks;
    MSB_TRY(view.check_inodes());
    MSB_TRY(view.check_entries());
    return view;
}

Status IndexView::check_inodes() const {
    for (const InodeRecord& inode : inodes_) {
        if (!inside(inode.text_offset, inode.text_length, heap_.size()) ||
            !inside(inode.xattr_offset, inode.xattr_length, heap_.size()) ||
            inode.mtime_nsec >= 1'000'000'000 || inode.xattr_length > max_xattr_bytes ||
            !split_xattrs(xattrs(inode)))
            return corrupt("bad inode");
        if (inode.flags & inode_flag::foreign_link) {
            if (inode.mode != 0 || inode.text_length == 0)
                return corrupt("bad link");
            continue;
        }
        switch (inode.mode & S_IFMT) {
        case S_IFREG:
            if (inode.size > max_file_size ||
                inode.first_block + (inode.size + data_block_size - 1) / data_block_size >
                    data_blocks_)
                return corrupt("file data out of range");
            break;
        case S_IFLNK:
            if (inode.text_length == 0 || inode.text_length > max_symlink_length)
                return corrupt("bad symbolic link");
            break;
        case S_IFDIR:
        case S_IFCHR:
        case S_IFBLK:
        case S_IFIFO: break;
        default: return corrupt("bad file type");
        }
    }
    return {};
}

Status IndexView::check_entries() {
    const auto count = static_cast<std::uint32_t>(entries_.size());
    std::vector<std::uint8_t> depth(count, 0);
    std::vector<bool> directory_seen(inodes_.size(), false);
    first_child_.assign(count + 1, 0);
    for (std::uint32_t i = 0; i < count; ++i) {
        const EntryRecord& entry = entries_[i];
        if (!inside(entry.name_offset, entry.name_length, heap_.size()) ||
            (entry.inode != no_inode && entry.inode >= inodes_.size()))
            return corrupt("bad entry");
        const bool directory = entry.inode != no_inode && S_ISDIR(inodes_[entry.inode].mode);
        if (directory) {
            if (directory_seen[entry.inode])
                return corrupt("a directory with two names");
            directory_seen[entry.inode] = true;
        }
        if (entry.flags & entry_flag::opaque && !directory)
            return corrupt("opaque entry is not a directory");
        if (i == 0) {
            if (!directory || entry.parent != 0 || entry.name_length != 0)
                return corrupt("bad root");
            continue;
        }
        const EntryRecord& before = entries_[i - 1];
        if (entry.parent >= i || (i > 1 && entry.parent < before.parent) ||
            !valid_name(name(entry)))
            return corrupt("bad entry");
        const EntryRecord& parent = entries_[entry.parent];
        if (parent.inode == no_inode || !S_ISDIR(inodes_[parent.inode].mode))
            return corrupt("entry below something that is no directory");
        if (i > 1 && entry.parent == before.parent && name(before) >= name(entry))
            return corrupt("entries out of order");
        depth[i] = static_cast<std::uint8_t>(depth[entry.parent] + 1);
        if (depth[i] > max_depth)
            return corrupt("nested too deeply");
    }
    // Children are contiguous: first_child_[p] is the first entry whose parent is p or later.
    std::uint32_t child = 1;
    for (std::uint32_t p = 0; p <= count; ++p) {
        while (child < count && entries_[child].parent < p)
            ++child;
        first_child_[p] = child;
    }
    return {};
}

std::optional<std::vector<Xattr>> split_xattrs(BytesView bytes) {
    std::vector<Xattr> result;
    std::string_view rest = as_text(bytes);
    while (!rest.empty()) {
        if (rest.size() < 3)
            return std::nullopt;
        const std::size_t name_length = static_cast<std::uint8_t>(rest[0]);
        const std::size_t value_length = load_le<std::uint16_t>(as_bytes(rest.substr(1, 2)));
        if (name_length == 0 || rest.size() < 3 + name_length + value_length)
            return std::nullopt;
        result.push_back({rest.substr(3, name_length), rest.substr(3 + name_length, value_length)});
        rest.remove_prefix(3 + name_length + value_length);
    }
    return result;
}

void append_xattr(std::string& list, std::string_view name, std::string_view value) {
    list += static_cast<char>(name.size());
    list += static_cast<char>(value.size() & 0xff);
    list += static_cast<char>(value.size() >> 8);
    list += name;
    list += value;
}

} // namespace msb::image
