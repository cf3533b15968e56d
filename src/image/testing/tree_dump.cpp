// tree_dump disk PIECE...   lists an EROFS device made of the pieces
// tree_dump dir PATH        lists a directory of the host
// Both in one format, one line a file, so that an image can be compared with the same image
// unpacked by another tool.
#include "base/file.hpp"
#include "base/system.hpp"
#include "image/erofs_reader.hpp"
#include "image/stream.hpp"

#include <algorithm>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace msb::image::testing {

namespace {

struct Piece {
    OwnedFd fd;
    std::uint64_t start;
    std::uint64_t size;
};

std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        result += byte > ' ' && byte < 0x7f && c != '\\' ? std::string(1, c)
                                                         : fmt::format("\\x{:02x}", byte);
    }
    return result;
}

void print(const FileInfo& file, const std::string& digest,
           const std::map<std::uint64_t, std::string>& first_names) {
    const bool directory = S_ISDIR(file.mode);
    std::string line =
        fmt::format("{} {:o} {}:{} {} {}.{:09}", printable(file.path), file.mode, file.uid,
                    file.gid, directory ? 0 : file.size, file.mtime, file.mtime_nsec);
    if (S_ISCHR(file.mode) || S_ISBLK(file.mode))
        line += fmt::format(" dev={}:{}", file.major, file.minor);
    if (S_ISLNK(file.mode))
        line += " -> " + printable(file.target);
    if (!directory && file.links > 1)
        line += " same-as=" + printable(first_names.at(file.identity));
    for (const auto& [name, value] : file.xattrs)
        line += fmt::format(" {}={}", printable(name), to_hex(as_bytes(value)));
    if (S_ISREG(file.mode))
        line += " sha256=" + digest;
    std::puts(line.c_str());
}

Result<std::string> digest_of(const std::function<Status(std::uint64_t, MutableBytesView)>& read,
                              std::uint64_t size) {
    Sha256Stream hash;
    Bytes buffer(std::size_t{1} << 20);
    for (std::uint64_t at = 0; at < size;) {
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at));
        MSB_TRY(read(at, MutableBytesView(buffer).first(count)));
        hash.update(BytesView(buffer).first(count));
        at += count;
    }
    return hash.finish().hex();
}

/// Prints in path order, naming the first path of each set of hard links.
Status print_all(std::vector<FileInfo> files,
                 const std::function<Result<std::string>(const FileInfo&)>& digest) {
    std::ranges::sort(files, {}, &FileInfo::path);
    std::map<std::uint64_t, std::string> first_names;
    for (const FileInfo& file : files)
        first_names.emplace(file.identity, file.path);
    for (const FileInfo& file : files)
        print(file, S_ISREG(file.mode) ? MSB_TRY(digest(file)) : std::string(), first_names);
    return {};
}

Status dump_disk(const std::vector<std::string>& paths) {
    std::vector<Piece> pieces;
    std::uint64_t size = 0;
    for (const std::string& path : paths) {
        OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY));
        const auto length = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(fd.get())).st_size);
        if (length % 4096 != 0)
            return fail(ErrorKind::corrupt, path + " is not a multiple of 4096 bytes");
        pieces.push_back({std::move(fd), size, length});
        size += length;
    }
    const auto read = [&](std::uint64_t offset, MutableBytesView buffer) -> Status {
        for (const Piece& piece : pieces) {
            if (offset < piece.start || offset >= piece.start + piece.size || buffer.empty())
                continue;
            const auto count = static_cast<std::size_t>(
                std::min<std::uint64_t>(buffer.size(), piece.start + piece.size - offset));
            MSB_TRY(sys::pread_all(piece.fd.get(), buffer.first(count), offset - piece.start));
            offset += count;
            buffer = buffer.subspan(count);
        }
        return {};
    };
    ErofsReader reader(read, size);
    return print_all(MSB_TRY(reader.read_all()), [&](const FileInfo& file) {
        return digest_of(
            [&](std::uint64_t at, MutableBytesView buffer) {
                return read(file.data_offset + at, buffer);
            },
            file.size);
    });
}

Status read_xattrs(const std::string& path, FileInfo& file) {
    std::string names(65536, '\0');
    const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
    if (length < 0)
        return fail_errno("llistxattr", path);
    names.resize(static_cast<std::size_t>(length));
    for (std::size_t at = 0; at < names.size();) {
        const std::string name = names.c_str() + at;
        at += name.size() + 1;
        std::string value(65536, '\0');
        const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
        if (size < 0)
            return fail_errno("lgetxattr", path);
        value.resize(static_cast<std::size_t>(size));
        file.xattrs[name] = value;
    }
    return {};
}

Status walk(const std::string& root, const std::string& path, std::vector<FileInfo>& files) {
    const std::string full = root + path;
    const struct stat info = MSB_TRY(sys::lstat(full));
    FileInfo file{.path = path.empty() ? "/" : path,
                  .mode = info.st_mode,
                  .uid = info.st_uid,
                  .gid = info.st_gid,
                  .size = static_cast<std::uint64_t>(info.st_size),
                  .mtime = info.st_mtim.tv_sec,
                  .mtime_nsec = static_cast<std::uint32_t>(info.st_mtim.tv_nsec),
                  .links = static_cast<std::uint32_t>(info.st_nlink),
                  .major = major(info.st_rdev),
                  .minor = minor(info.st_rdev),
                  .identity = info.st_ino};
    MSB_TRY(read_xattrs(full, file));
    if (S_ISLNK(info.st_mode)) {
        std::string target(4096, '\0');
        const ssize_t length = ::readlink(full.c_str(), target.data(), target.size());
        if (length < 0)
            return fail_errno("readlink", full);
        file.target = target.substr(0, static_cast<std::size_t>(length));
    }
    files.push_back(file);
    if (!S_ISDIR(info.st_mode))
        return {};
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(full.c_str()), ::closedir);
    if (!dir)
        return fail_errno("opendir", full);
    while (const dirent* entry = ::readdir(dir.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..")
            MSB_TRY(walk(root, path + "/" + name, files));
    }
    return {};
}

Status dump_directory(const std::string& root) {
    std::vector<FileInfo> files;
    MSB_TRY(walk(root, "", files));
    return print_all(std::move(files), [&](const FileInfo& file) -> Result<std::string> {
        const OwnedFd fd = MSB_TRY(sys::open(root + file.path, O_RDONLY));
        return digest_of(
            [&](std::uint64_t at, MutableBytesView buffer) {
                return sys::pread_all(fd.get(), buffer, at);
            },
            file.size);
    });
}

} // namespace

} // namespace msb::image::testing

int main(int argc, char** argv) {
    using namespace msb::image::testing;
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() < 2)
        return 2;
    const auto done = arguments[0] == "dir" ? dump_directory(arguments[1])
                                            : dump_disk({arguments.begin() + 1, arguments.end()});
    if (!done) {
        std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
        return 1;
    }
    return 0;
}
