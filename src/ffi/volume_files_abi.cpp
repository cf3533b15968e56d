// Files of directory volumes.
#include "api/volumes.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

namespace {

json::Value volume_entry(const std::string& path, const struct stat& info) {
    const auto kind = S_ISREG(info.st_mode)   ? wire::FsEntryKind::file
                      : S_ISDIR(info.st_mode) ? wire::FsEntryKind::dir
                      : S_ISLNK(info.st_mode) ? wire::FsEntryKind::symlink
                                              : wire::FsEntryKind::other;
    wire::FsEntry entry;
    entry.path = path;
    entry.kind = kind;
    entry.size = static_cast<std::uint64_t>(info.st_size);
    entry.mode = info.st_mode & 07777;
    entry.uid = info.st_uid;
    entry.gid = info.st_gid;
    entry.atime = info.st_atim.tv_sec;
    entry.atime_nsec = static_cast<std::uint32_t>(info.st_atim.tv_nsec);
    entry.mtime = info.st_mtim.tv_sec;
    entry.mtime_nsec = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
    return entry_json(entry);
}

std::string below(const std::string& directory, const std::string& name) {
    return directory + (directory.ends_with('/') ? "" : "/") + name;
}

/// A call on one path of a volume.
template <typename Body> char* call_on_path(const char* name, const char* path, Body body) {
    return call_on(0, name, [&](const std::string& volume, api::Cancel*) -> Outcome<void> {
        const std::string where = MSB_TRY(text_argument(path, "path"));
        return api::with_volume_files(
            volume, [&](VolumeFileSystem& files) -> Status { return body(files, where); });
    });
}

/// On two.
template <typename Body>
char* call_on_paths(const char* name, const char* from, const char* to, Body body) {
    return call_on_path(name, from, [&](VolumeFileSystem& files, const std::string& source) {
        if (to == nullptr)
            return Status(fail(ErrorKind::invalid_argument, "'to' is NULL"));
        return body(files, source, to);
    });
}

} // namespace

MSB_API char* msb_volume_fs_read(const char* name, const char* path, std::uint8_t** data,
                                 std::size_t* size) {
    return call_on_path(name, path,
                        [&](VolumeFileSystem& files, const std::string& where) -> Status {
                            give(data, size, MSB_TRY(files.read(where, default_most_bytes)));
                            return {};
                        });
}

MSB_API char* msb_volume_fs_write(const char* name, const char* path, const std::uint8_t* data,
                                  std::size_t size) {
    return call_on_path(name, path, [&](VolumeFileSystem& files, const std::string& where) {
        return files.write(where, argument_bytes(data, size));
    });
}

MSB_API char* msb_volume_fs_stat(const char* name, const char* path, char** result) {
    return call_on_path(name, path,
                        [&](VolumeFileSystem& files, const std::string& where) -> Status {
                            give(result, volume_entry(where, MSB_TRY(files.stat(where))));
                            return {};
                        });
}

MSB_API char* msb_volume_fs_list(const char* name, const char* path, char** result) {
    return call_on_path(name, path,
                        [&](VolumeFileSystem& files, const std::string& where) -> Status {
                            json::Value list = json::array();
                            for (const auto& entry : MSB_TRY(files.list(where)))
                                list.push_back(volume_entry(below(where, entry.name), entry.info));
                            give(result, list);
                            return {};
                        });
}

MSB_API char* msb_volume_fs_mkdir(const char* name, const char* path) {
    return call_on_path(name, path, [](VolumeFileSystem& files, const std::string& where) {
        return files.make_directory(where);
    });
}

MSB_API char* msb_volume_fs_remove(const char* name, const char* path, const char* options) {
    return call_on(0, name, [&](const std::string& volume, api::Cancel*) -> Outcome<void> {
        const std::string where = MSB_TRY(text_argument(path, "path"));
        Options given(options);
        const bool recursive = given.flag("recursive");
        MSB_TRY(given.done());
        return api::with_volume_files(volume, [&](VolumeFileSystem& files) -> Status {
            return files.remove(where, recursive);
        });
    });
}

MSB_API char* msb_volume_fs_copy(const char* name, const char* from, const char* to) {
    return call_on_paths(name, from, to,
                         [](VolumeFileSystem& files, const std::string& source,
                            const std::string& target) { return files.copy(source, target); });
}

MSB_API char* msb_volume_fs_rename(const char* name, const char* from, const char* to) {
    return call_on_paths(name, from, to,
                         [](VolumeFileSystem& files, const std::string& source,
                            const std::string& target) { return files.rename(source, target); });
}
