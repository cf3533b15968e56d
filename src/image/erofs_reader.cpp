#include "image/erofs_reader.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace msb::image {

namespace {

constexpr std::uint64_t block = 4096;
constexpr unsigned max_depth = 300;
constexpr std::uint64_t max_link = 4095; ///< Linux PATH_MAX without the NUL.

std::unexpected<Error> bad(const std::string& text) {
    return fail(ErrorKind::corrupt, "erofs: " + text);
}

// CRC-32C, bit by bit: independent of the library that the writer uses.
std::uint32_t crc32c(BytesView bytes) {
    std::uint32_t crc = UINT32_MAX;
    for (const std::uint8_t byte : bytes) {
        crc ^= byte;
        for (int i = 0; i < 8; ++i)
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return crc;
}

std::uint32_t type_of_entry(std::uint8_t type) {
    static constexpr std::uint32_t types[] = {0,       S_IFREG, S_IFDIR,  S_IFCHR,
                                              S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};
    return type < std::size(types) ? types[type] : 0;
}

} // namespace

Result<Bytes> ErofsReader::bytes_at(std::uint64_t offset, std::uint64_t size) const {
    if (offset > device_size_ || size > device_size_ - offset)
        return bad("data outside the device");
    Bytes bytes(size);
    MSB_TRY(read_(offset, bytes));
    return bytes;
}

Status ErofsReader::read_xattrs(std::uint64_t offset, std::uint64_t size, FileInfo& info) const {
    static const std::map<unsigned, std::string> prefixes = {{1, "user."},
                                                             {2, "system.posix_acl_access"},
                                                             {3, "system.posix_acl_default"},
                                                             {4, "trusted."},
                                                             {6, "security."}};
    const Bytes body = MSB_TRY(bytes_at(offset, size));
    if (body[4] != 0)
        return bad("shared xattrs are not expected");
    std::size_t at = 12;
    while (at < body.size()) {
        if (at + 4 > body.size())
            return bad("xattr entry cut off");
        const std::size_t name = body[at];
        const std::size_t value = load_le<std::uint16_t>(BytesView(body).subspan(at + 2));
        const auto prefix = prefixes.find(body[at + 1]);
        if (prefix == prefixes.end() || at + 4 + name + value > body.size())
            return bad("bad xattr entry");
        const std::string_view text = as_text(BytesView(body).subspan(at + 4, name + value));
        info.xattrs[prefix->second + std::string(text.substr(0, name))] = text.substr(name);
        at = align_up<std::size_t>(at + 4 + name + value, 4);
    }
    return {};
}

Result<ErofsReader::Inode> ErofsReader::inode(std::uint64_t nid) const {
    if (nid > device_size_ / 32)
        return bad("inode outside the device");
    const std::uint64_t offset = nid * 32;
    const Bytes raw = MSB_TRY(bytes_at(offset, 64));
    const BytesView view(raw);
    const auto format = load_le<std::uint16_t>(view);
    Inode result;
    result.layout = format >> 1;
    if ((format & 1) == 0 || (result.layout != 0 && result.layout != 2))
        return bad("inode is not an extended, uncompressed one");
    FileInfo& info = result.info;
    const std::uint64_t xattr_count = load_le<std::uint16_t>(view.subspan(2));
    info.mode = load_le<std::uint16_t>(view.subspan(4));
    info.size = load_le<std::uint64_t>(view.subspan(8));
    result.block = load_le<std::uint32_t>(view.subspan(16));
    info.uid = load_le<std::uint32_t>(view.subspan(24));
    info.gid = load_le<std::uint32_t>(view.subspan(28));
    info.mtime = static_cast<std::int64_t>(load_le<std::uint64_t>(view.subspan(32)));
    info.mtime_nsec = load_le<std::uint32_t>(view.subspan(40));
    info.links = load_le<std::uint32_t>(view.subspan(44));
    info.identity = nid;
    const std::uint64_t xattr_size = xattr_count == 0 ? 0 : 12 + 4 * (xattr_count - 1);
    if (xattr_size > 0)
        MSB_TRY(read_xattrs(offset + 64, xattr_size, info));
    result.tail_at = offset + 64 + xattr_size;
    if (result.layout == 2 && result.tail_at % block + info.size % block > block)
        return bad("inline data crosses a block");
    if (S_ISCHR(info.mode) || S_ISBLK(info.mode)) {
        info.major = (result.block >> 8) & 0xfff;
        info.minor = (result.block & 0xff) | ((result.block >> 12) & 0xfff00);
    }
    if (S_ISREG(info.mode) && info.size > 0) {
        info.data_offset = result.block * block;
        if (result.layout != 0 || info.size > device_size_ ||
            info.data_offset > device_size_ - info.size)
            return bad("file data outside the device");
    }
    return result;
}

Result<std::uint64_t> ErofsReader::directory_blocks(const Inode& directory) {
    if (directory.info.size > max_directory)
        return bad("a directory is too large");
    return (directory.info.size + block - 1) / block;
}

Result<Bytes> ErofsReader::directory_block(const Inode& directory, std::uint64_t index) const {
    const std::uint64_t start = index * block;
    const std::uint64_t size = std::min(block, directory.info.size - start);
    const bool follows_inode = directory.layout == 2 && size < block;
    return bytes_at(follows_inode ? directory.tail_at : directory.block * block + start, size);
}

Result<std::string> ErofsReader::link_target(const Inode& inode) const {
    if (inode.info.size > max_link)
        return bad("a symbolic link is too long");
    const std::uint64_t at = inode.layout == 2 ? inode.tail_at : inode.block * block;
    return std::string(as_text(MSB_TRY(bytes_at(at, inode.info.size))));
}

Result<std::vector<ErofsReader::Entry>> ErofsReader::entries(BytesView part,
                                                             const std::string& path) {
    if (part.size() < 12)
        return bad("directory block of " + path + " cut off");
    const std::size_t first_name = load_le<std::uint16_t>(part.subspan(8));
    if (first_name % 12 != 0 || first_name == 0 || first_name > part.size())
        return bad("bad directory block in " + path);
    std::vector<Entry> found;
    for (std::size_t at = 0; at < first_name; at += 12) {
        const std::size_t name_at = load_le<std::uint16_t>(part.subspan(at + 8));
        const std::size_t name_end =
            at + 12 < first_name ? load_le<std::uint16_t>(part.subspan(at + 20)) : part.size();
        if (name_at > name_end || name_end > part.size())
            return bad("bad name offset in " + path);
        std::string_view name = as_text(part.subspan(name_at, name_end - name_at));
        name = name.substr(0, name.find('\0')); // the last one of a block may be followed by zeros
        if (name.empty() || (!found.empty() && name <= found.back().name))
            return bad("names of " + path + " are not sorted");
        found.push_back({name, load_le<std::uint64_t>(part.subspan(at)), part[at + 10]});
    }
    return found;
}

Result<FileInfo> ErofsReader::describe(std::uint64_t number) const {
    Inode found = MSB_TRY(inode(number));
    if (S_ISLNK(found.info.mode))
        found.info.target = MSB_TRY(link_target(found));
    return found.info;
}

Status ErofsReader::walk(std::uint64_t nid, std::uint64_t parent, const std::string& path,
                         std::vector<FileInfo>& files, unsigned depth) {
    if (depth > max_depth)
        return bad("directories form a loop");
    Inode directory = MSB_TRY(inode(nid));
    if (!S_ISDIR(directory.info.mode))
        return bad(path + " is not a directory");
    directory.info.path = path.empty() ? "/" : path;
    files.push_back(directory.info);
    std::string last;
    unsigned dots = 0;
    const std::uint64_t blocks = MSB_TRY(directory_blocks(directory));
    for (std::uint64_t index = 0; index < blocks; ++index) {
        const Bytes part = MSB_TRY(directory_block(directory, index));
        for (const Entry& entry : MSB_TRY(entries(part, path))) {
            if (entry.name <= last)
                return bad("names of " + path + " are not sorted");
            last = entry.name;
            FileInfo found = MSB_TRY(describe(entry.child));
            found.path = path + "/" + last;
            if ((found.mode & S_IFMT) != type_of_entry(entry.type))
                return bad("type of " + found.path + " differs");
            if (entry.name == "." || entry.name == "..") {
                ++dots;
                if (entry.child != (entry.name == "." ? nid : parent))
                    return bad("wrong '" + last + "' in " + path);
            } else if (S_ISDIR(found.mode)) {
                MSB_TRY(walk(entry.child, nid, found.path, files, depth + 1));
            } else {
                files.push_back(std::move(found));
            }
        }
    }
    return dots == 2 ? Status() : bad("'.' or '..' is missing in " + path);
}

Status ErofsReader::check_links(const std::vector<FileInfo>& files) const {
    std::map<std::uint64_t, std::uint32_t> names;
    std::map<std::string, std::uint32_t> subdirectories;
    for (const FileInfo& file : files) {
        ++names[file.identity];
        if (S_ISDIR(file.mode) && file.path != "/") {
            const std::string up = file.path.substr(0, file.path.rfind('/'));
            ++subdirectories[up.empty() ? "/" : up];
        }
    }
    for (const FileInfo& file : files) {
        const std::uint32_t expected =
            S_ISDIR(file.mode) ? 2 + subdirectories[file.path] : names[file.identity];
        if (file.links != expected)
            return bad("link count of " + file.path + " is " + std::to_string(file.links) +
                       ", not " + std::to_string(expected));
    }
    return {};
}

Result<std::vector<FileInfo>> ErofsReader::read_all() {
    Bytes super = MSB_TRY(bytes_at(1024, block - 1024));
    if (load_le<std::uint32_t>(super) != 0xe0f5e1e2)
        return bad("no super block");
    const auto checksum = load_le<std::uint32_t>(BytesView(super).subspan(4));
    store_le<std::uint32_t>(MutableBytesView(super).subspan(4), 0);
    if (crc32c(super) != checksum)
        return bad("super block checksum");
    if (load_le<std::uint32_t>(BytesView(super).subspan(36)) * block != device_size_)
        return bad("super block says another device size");
    const std::uint64_t root = MSB_TRY(root_number());
    std::vector<FileInfo> files;
    MSB_TRY(walk(root, root, "", files, 0));
    MSB_TRY(check_links(files));
    return files;
}

Result<std::uint64_t> ErofsReader::root_number() const {
    const Bytes super = MSB_TRY(bytes_at(1024, 128));
    return load_le<std::uint16_t>(BytesView(super).subspan(14));
}

Result<FileInfo> ErofsReader::root() const {
    return describe(MSB_TRY(root_number()));
}

Result<std::optional<FileInfo>> ErofsReader::find(const FileInfo& directory,
                                                  std::string_view name) const {
    const Inode opened = MSB_TRY(inode(directory.identity));
    if (!S_ISDIR(opened.info.mode) || name == "." || name == "..")
        return std::nullopt;
    // Names are sorted, also from block to block.
    for (std::uint64_t low = 0, high = MSB_TRY(directory_blocks(opened)); low < high;) {
        const std::uint64_t middle = low + (high - low) / 2;
        const Bytes part = MSB_TRY(directory_block(opened, middle));
        const std::vector<Entry> there = MSB_TRY(entries(part, "a directory"));
        if (name < there.front().name) {
            high = middle;
        } else if (name > there.back().name) {
            low = middle + 1;
        } else {
            const auto found = std::ranges::lower_bound(there, name, {}, &Entry::name);
            if (found->name != name)
                break;
            return MSB_TRY(describe(found->child));
        }
    }
    return std::nullopt;
}

Result<std::vector<std::string>> ErofsReader::names(const FileInfo& directory) const {
    std::vector<std::string> found;
    const Inode opened = MSB_TRY(inode(directory.identity));
    if (!S_ISDIR(opened.info.mode))
        return found;
    const std::uint64_t blocks = MSB_TRY(directory_blocks(opened));
    for (std::uint64_t index = 0; index < blocks; ++index) {
        const Bytes part = MSB_TRY(directory_block(opened, index));
        for (const Entry& entry : MSB_TRY(entries(part, "a directory")))
            if (entry.name != "." && entry.name != "..")
                found.emplace_back(entry.name);
    }
    return found;
}

Status ErofsReader::read_data(const FileInfo& file, std::uint64_t offset,
                              MutableBytesView buffer) const {
    if (offset > file.size || buffer.size() > file.size - offset)
        return bad("data outside the file");
    return read_(file.data_offset + offset, buffer);
}

Result<std::string> ErofsReader::content(const FileInfo& file) const {
    if (file.size == 0)
        return std::string();
    return std::string(as_text(MSB_TRY(bytes_at(file.data_offset, file.size))));
}

} // namespace msb::image
