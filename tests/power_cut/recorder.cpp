// Preloaded into commands: records what is durable after each fsync, for replay.py.
//
// Below POWER_CUT_ROOT an fsync of a file makes its content durable, one of a directory its names, and syncfs all of
// it; nothing else is. That is less than most file systems give, and all that they promise. Each of these calls is a
// directory POWER_CUT_LOG/NUMBER:
//   event   "file KEY MODE", "dir KEY MODE" with a line "TYPE KEY MODE NAME" for each entry, or "all - -"
//   data    what the file has in it; of all, a directory with a file for each KEY
//   tree    "TYPE KEY MODE PATH" for all that there is at that moment, durable or not
// KEY is inode number and time of birth, so that a number that is used again is another one.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

struct Found {
    char type = '?';
    std::string key;
    std::string mode;
};

Found look(int directory, const char* name, int flags) {
    struct statx info{};
    Found found;
    if (::statx(directory, name, flags | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
                &info) == -1)
        return found;
    found.type = S_ISREG(info.stx_mode)   ? 'f'
                 : S_ISDIR(info.stx_mode) ? 'd'
                 : S_ISLNK(info.stx_mode) ? 'l'
                                          : '?';
    found.key = std::to_string(info.stx_ino) + "." + std::to_string(info.stx_btime.tv_sec) + "." +
                std::to_string(info.stx_btime.tv_nsec);
    found.mode = std::to_string(info.stx_mode & 07777);
    return found;
}

std::vector<std::string> names_in(const std::string& path) {
    std::vector<std::string> names;
    DIR* dir = ::opendir(path.c_str());
    while (const dirent* entry = dir != nullptr ? ::readdir(dir) : nullptr)
        if (const std::string name = entry->d_name; name != "." && name != "..")
            names.push_back(name);
    if (dir != nullptr)
        ::closedir(dir);
    return names;
}

std::string line(const Found& found, const std::string& name) {
    return std::string(1, found.type) + " " + found.key + " " + found.mode + " " + name + "\n";
}

void add_tree(const std::string& root, const std::string& below, std::string& text) {
    for (const std::string& name : names_in(root + below)) {
        const std::string path = below + "/" + name;
        const Found found = look(AT_FDCWD, (root + path).c_str(), 0);
        text += line(found, path.substr(1));
        if (found.type == 'd')
            add_tree(root, path, text);
    }
}

void put(const std::string& path, const std::string& text) {
    if (FILE* file = std::fopen(path.c_str(), "we")) {
        (void)!std::fwrite(text.data(), 1, text.size(), file);
        std::fclose(file);
    }
}

/// With its holes.
void copy_data(const std::string& from, const std::string& to) {
    const int in = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
    const int out = ::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct stat info{};
    if (in >= 0 && out >= 0 && ::fstat(in, &info) == 0 && ::ftruncate(out, info.st_size) == 0) {
        static char buffer[1 << 16];
        for (off_t at = ::lseek(in, 0, SEEK_DATA); at >= 0 && at < info.st_size;
             at = ::lseek(in, at, SEEK_DATA)) {
            const ssize_t count = ::pread(in, buffer, sizeof(buffer), at);
            if (count <= 0 || ::pwrite(out, buffer, static_cast<std::size_t>(count), at) != count)
                break;
            at += count;
        }
    }
    ::close(in);
    ::close(out);
}

/// Everything below `root`: what there is as copies, and as a text.
void copy_all(const std::string& root, const std::string& below, const std::string& to) {
    for (const std::string& name : names_in(root + below)) {
        const std::string path = root + below + "/" + name;
        const Found found = look(AT_FDCWD, path.c_str(), 0);
        if (found.type == 'f')
            copy_data(path, to + "/" + found.key);
        else if (found.type == 'd')
            copy_all(root, below + "/" + name, to);
    }
}

void record(int fd, bool all) {
    static std::mutex alone;
    const std::lock_guard lock(alone);
    const char* root = std::getenv("POWER_CUT_ROOT");
    const char* log = std::getenv("POWER_CUT_LOG");
    if (root == nullptr || log == nullptr)
        return;
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    char target[4096];
    const ssize_t size = ::readlink(link.c_str(), target, sizeof(target));
    const std::string path(target, size > 0 ? static_cast<std::size_t>(size) : 0);
    if (path != root && !path.starts_with(std::string(root) + "/"))
        return;
    std::string place;
    for (unsigned number = 0;; ++number) {
        place = std::string(log) + "/" + std::to_string(number);
        if (::mkdir(place.c_str(), 0700) == 0)
            break;
        if (errno != EEXIST)
            return;
    }
    const Found found = look(fd, "", AT_EMPTY_PATH);
    std::string event = all                 ? "all - -\n"
                        : found.type == 'd' ? "dir " + found.key + " " + found.mode + "\n"
                                            : "file " + found.key + " " + found.mode + "\n";
    if (all) {
        ::mkdir((place + "/data").c_str(), 0700);
        copy_all(root, "", place + "/data");
    } else if (found.type == 'd')
        for (const std::string& name : names_in(path))
            event += line(look(AT_FDCWD, (path + "/" + name).c_str(), 0), name);
    else
        copy_data(link, place + "/data");
    std::string tree;
    add_tree(root, "", tree);
    put(place + "/tree", tree);
    put(place + "/event", event);
}

/// The function that this one stands in front of.
int call(const char* name, int fd, bool all = false) {
    using Function = int (*)(int);
    const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
    const int before = errno;
    record(fd, all);
    errno = before;
    return real(fd);
}

} // namespace

extern "C" int fsync(int fd) {
    return call("fsync", fd);
}

extern "C" int syncfs(int fd) noexcept {
    return call("syncfs", fd, true);
}

extern "C" int fdatasync(int fd) {
    return call("fdatasync", fd);
}
