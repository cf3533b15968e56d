#include "image/directory_stamp.hpp"

#include "base/sha256.hpp"
#include "base/system.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>

namespace msb::image {

namespace {

/// Twice the longest time in which a kernel stamps files alike.
constexpr std::int64_t blind_ns = 20'000'000;
constexpr std::size_t most_entries = 1'000'000; ///< as in a layer

std::int64_t change_time(const struct stat& info) {
    return static_cast<std::int64_t>(info.st_ctim.tv_sec) * 1'000'000'000 + info.st_ctim.tv_nsec;
}

} // namespace

Result<std::string> stamp_of_directory(const std::string& path) {
    namespace fs = std::filesystem;
    const std::int64_t now = unix_time_ns();
    std::string text;
    std::int64_t newest = 0;
    std::size_t entries = 0;
    const auto add = [&](const std::string& name, const struct stat& info) {
        for (const std::uint64_t number :
             {std::uint64_t{info.st_dev}, std::uint64_t{info.st_ino}, std::uint64_t{info.st_mode},
              std::uint64_t{info.st_uid}, std::uint64_t{info.st_gid},
              static_cast<std::uint64_t>(info.st_size),
              static_cast<std::uint64_t>(change_time(info))})
            text += std::to_string(number) + " ";
        text += name;
        text += '\0';
        newest = std::max(newest, change_time(info));
    };
    const struct stat root = MSB_TRY(sys::stat(path));
    add("", root);
    std::error_code error;
    fs::recursive_directory_iterator at(path, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        struct stat info{};
        if (::lstat(at->path().c_str(), &info) == -1) {
            if (errno == ENOENT)
                continue; // removed meanwhile
            return fail_errno("lstat", at->path().native());
        }
        if (++entries > most_entries)
            return fail(ErrorKind::limit_exceeded, "it has more than 1000000 entries");
        add(at->path().native().substr(path.size()), info);
        if (info.st_dev != root.st_dev)
            at.disable_recursion_pending();
    }
    if (error)
        return fail(Error::from_errno(error.value(), "readdir", path));
    return newest < now - blind_ns ? sha256_hex(text) : std::string();
}

} // namespace msb::image
