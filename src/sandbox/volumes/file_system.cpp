#include "sandbox/volumes/file_system.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "disk/sparse_copy.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <sys/random.h>
#include <unistd.h>

namespace msb {

namespace {

constexpr std::size_t most_entries = 1'000'000;
constexpr mode_t new_file_mode = 0644;

/// "/a//b/" is "/a/b".
std::string from_root(const std::string& path) {
    std::string clean;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (end > at)
            clean += "/" + path.substr(at, end - at);
        at = end + 1;
    }
    return clean.empty() ? "/" : clean;
}

/// Makes a file beside its place and moves it there.
Status put_file(int directory, const std::string& name, const std::function<Status(int fd)>& fill) {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), 0) != sizeof(number))
        return fail_errno("getrandom");
    const std::string temporary = ".msb-" + std::to_string(number);
    Status done;
    {
        const OwnedFd file =
            MSB_TRY(sys::open_at(directory, temporary, O_RDWR | O_CREAT | O_EXCL, new_file_mode));
        done = fill(file.get());
    }
    if (done && ::renameat(directory, temporary.c_str(), directory, name.c_str()) == -1)
        done = fail_errno("rename", name);
    if (!done)
        (void)::unlinkat(directory, temporary.c_str(), 0);
    return done;
}

} // namespace

Result<VolumeFileSystem> VolumeFileSystem::open(const Home& home, const std::string& name) {
    const Volume volume = MSB_TRY(Volumes(home).open(name));
    if (volume.kind == VolumeKind::disk)
        return fail(Error(ErrorKind::unsupported, "volume '" + name + "' is a disk")
                        .with_hint("copy whole files with msb cp, or mount it in a sandbox"));
    return VolumeFileSystem(MSB_TRY(VolumeFiles::open(home, name, VolumeFiles::Access::write)));
}

Result<VolumeFileSystem::Place> VolumeFileSystem::place_of(const std::string& path,
                                                           bool make_parents) const {
    const std::string clean = from_root(path);
    std::string name = clean.substr(clean.rfind('/') + 1);
    if (name.empty() || name == "." || name == "..")
        return fail(ErrorKind::invalid_argument,
                    "'" + path + "' is not the name of something in the volume");
    OwnedFd directory = MSB_TRY(files_.open_directory(parent_of(clean), make_parents));
    return Place{std::move(directory), std::move(name)};
}

/// A FIFO that a guest has made is not waited for.
Result<OwnedFd> VolumeFileSystem::open_file(const std::string& path, struct stat& info) const {
    OwnedFd file = MSB_TRY(files_.open_within(from_root(path), O_RDONLY | O_NONBLOCK | O_NOCTTY));
    info = MSB_TRY(sys::fstat(file.get()));
    if (S_ISDIR(info.st_mode))
        return fail(Error::from_errno(EISDIR, "open", path));
    if (!S_ISREG(info.st_mode))
        return fail(ErrorKind::unsupported, "'" + path + "' is not a file");
    return file;
}

Result<Bytes> VolumeFileSystem::read(const std::string& path, std::size_t most) const {
    struct stat info{};
    const OwnedFd file = MSB_TRY(open_file(path, info));
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (size > most)
        return fail(ErrorKind::limit_exceeded, "'" + path + "' has " + std::to_string(size) +
                                                   " bytes, more than " + std::to_string(most));
    Bytes data(size);
    std::size_t done = 0;
    while (done < data.size()) {
        const std::size_t count =
            MSB_TRY(sys::read(file.get(), MutableBytesView(data).subspan(done)));
        if (count == 0) // a guest has made it shorter
            break;
        done += count;
    }
    data.resize(done);
    return data;
}

Status VolumeFileSystem::write(const std::string& path, BytesView data) const {
    const Place place = MSB_TRY(place_of(path, true));
    return put_file(place.directory.get(), place.name,
                    [&](int fd) { return sys::write_all(fd, data); });
}

Result<struct stat> VolumeFileSystem::stat(const std::string& path) const {
    const std::string clean = from_root(path);
    if (clean == "/")
        return sys::fstat(MSB_TRY(files_.open_within("/", O_PATH)).get());
    const Place place = MSB_TRY(place_of(path));
    struct stat info{};
    if (::fstatat(place.directory.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == -1)
        return fail_errno("stat", path);
    return info;
}

Result<std::vector<VolumeFileSystem::Entry>> VolumeFileSystem::list(const std::string& path) const {
    OwnedFd fd = MSB_TRY(files_.open_directory(from_root(path), false));
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(fd.get()), ::closedir);
    if (!dir)
        return fail_errno("fdopendir", path);
    (void)fd.release();
    std::vector<Entry> entries;
    while (const dirent* const found = ::readdir(dir.get())) {
        Entry entry{found->d_name, {}};
        if (entry.name == "." || entry.name == ".." ||
            ::fstatat(::dirfd(dir.get()), found->d_name, &entry.info, AT_SYMLINK_NOFOLLOW) == -1)
            continue;
        if (entries.size() == most_entries)
            return fail(ErrorKind::limit_exceeded, "'" + path + "' has more than 1000000 entries");
        entries.push_back(std::move(entry));
    }
    std::ranges::sort(entries, {}, &Entry::name);
    return entries;
}

Status VolumeFileSystem::make_directory(const std::string& path) const {
    MSB_TRY(files_.open_directory(from_root(path), true));
    return {};
}

Status VolumeFileSystem::remove(const std::string& path, bool recursive) const {
    const Place place = MSB_TRY(place_of(path));
    const struct stat info = MSB_TRY(stat(path));
    const bool directory = S_ISDIR(info.st_mode);
    if (directory && recursive)
        return remove_tree("/proc/self/fd/" + std::to_string(place.directory.get()) + "/" +
                           place.name);
    if (::unlinkat(place.directory.get(), place.name.c_str(), directory ? AT_REMOVEDIR : 0) == -1)
        return fail_errno("remove", path);
    return {};
}

Status VolumeFileSystem::copy(const std::string& from, const std::string& to) const {
    struct stat info{};
    const OwnedFd source = MSB_TRY(open_file(from, info));
    const Place place = MSB_TRY(place_of(to, true));
    return put_file(place.directory.get(), place.name, [&](int fd) -> Status {
        MSB_TRY(disk::copy_sparse(source.get(), fd));
        if (::fchmod(fd, info.st_mode & 0777) == -1)
            return fail_errno("chmod", to);
        return {};
    });
}

Status VolumeFileSystem::rename(const std::string& from, const std::string& to) const {
    const Place source = MSB_TRY(place_of(from));
    const Place target = MSB_TRY(place_of(to));
    if (::renameat(source.directory.get(), source.name.c_str(), target.directory.get(),
                   target.name.c_str()) == -1)
        return fail_errno("rename", from);
    return {};
}

} // namespace msb
