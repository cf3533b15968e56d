// What POSIX and Linux promise of a file system, asked of a directory.
//
//   posix_fs DIRECTORY [DEVIATION]...   as root; prints what does not hold, and how much was asked
//
// A DEVIATION is a rule, as it is printed, that is known not to hold there: it is an error if it does.
// Without any, an ext4 of the host passes.
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <grp.h>
#include <string>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace {

std::vector<std::string> deviations;
int asked = 0, wrong = 0, deviating = 0;

void rule(const std::string& text, bool holds) {
    ++asked;
    const bool known = std::ranges::find(deviations, text) != deviations.end();
    if (known)
        ++deviating;
    if (holds != known)
        return;
    ++wrong;
    std::printf("%s: %s (errno %d: %s)\n", known ? "HOLDS" : "WRONG", text.c_str(), errno,
                std::strerror(errno));
}

/// `result` is of a call that has to fail with `error`.
void fails(const std::string& text, int error, long result) {
    const int got = errno;
    rule(text + ": " + strerrorname_np(error), result == -1 && got == error);
}

struct stat of(const char* path) {
    struct stat info{};
    if (::lstat(path, &info) == -1)
        info.st_mode = 0;
    return info;
}

mode_t mode_of(const char* path) {
    return of(path).st_mode & 07777;
}

bool later(const timespec& a, const timespec& b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/// Until the next change has a later time.
void tick() {
    ::usleep(15'000);
}

int make(const char* path, mode_t mode = 0644, const char* content = "") {
    const int fd = ::open(path, O_CREAT | O_EXCL | O_WRONLY, mode);
    if (fd == -1 || ::write(fd, content, std::strlen(content)) == -1)
        return -1;
    return ::close(fd);
}

std::string content_of(const char* path) {
    const int fd = ::open(path, O_RDONLY);
    std::array<char, 4096> text{};
    const ssize_t count = ::read(fd, text.data(), text.size());
    ::close(fd);
    return count < 0 ? "?" : std::string(text.data(), static_cast<std::size_t>(count));
}

/// What `body` answers in a process of another user.
bool as(uid_t user, gid_t group, const std::function<bool()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setgroups(0, nullptr) == -1 || ::setresgid(group, group, group) == -1 ||
            ::setresuid(user, user, user) == -1)
            ::_exit(3);
        ::_exit(body() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool in_child(const std::function<bool()>& body) {
    return as(0, 0, body);
}

bool fails_with(int error, long result) {
    return result == -1 && errno == error;
}

// ---- one function for each family of calls ----

void opening() {
    ::umask(022);
    rule("open: modes lose the umask", make("f", 0666) == 0 && mode_of("f") == 0644);
    rule("open: all mode bits", make("g", 06755) == 0 && mode_of("g") == 06755);
    fails("open, exclusive", EEXIST, ::open("f", O_CREAT | O_EXCL | O_WRONLY, 0644));
    ::symlink("nowhere", "l");
    fails("open, exclusive, a link", EEXIST, ::open("l", O_CREAT | O_EXCL | O_WRONLY, 0644));
    fails("open, a link that is not followed", ELOOP, ::open("l", O_RDONLY | O_NOFOLLOW));
    fails("open, a link to nothing", ENOENT, ::open("l", O_RDONLY));
    fails("open, a file as a directory", ENOTDIR, ::open("f", O_RDONLY | O_DIRECTORY));
    fails("open, below a file", ENOTDIR, ::open("f/x", O_RDONLY));
    fails("open, below nothing", ENOENT, ::open("none/x", O_CREAT | O_WRONLY, 0644));
    fails("open, a directory for writing", EISDIR, ::open(".", O_WRONLY));
    const std::string longest(NAME_MAX, 'n'), longer(NAME_MAX + 1, 'n');
    rule("open: a name of 255 bytes", make(longest.c_str()) == 0 && ::unlink(longest.c_str()) == 0);
    fails("open, a name of 256", ENAMETOOLONG, ::open(longer.c_str(), O_CREAT | O_WRONLY, 0644));
    const std::string path(PATH_MAX, 'p');
    fails("open, a path that is too long", ENAMETOOLONG, ::open(path.c_str(), O_RDONLY));
    for (const char* name : {"\xff\xfe", "a\xc3", "\x01\n", " ", "...", "\\", "*"})
        rule(std::string("open: a name of odd bytes"),
             make(name) == 0 && S_ISREG(of(name).st_mode) && ::unlink(name) == 0);
    const struct stat before = of("g");
    tick();
    ::close(::open("g", O_WRONLY | O_TRUNC));
    rule("open: truncating changes the times",
         later(of("g").st_mtim, before.st_mtim) && later(of("g").st_ctim, before.st_ctim));
    const struct stat directory = of(".");
    tick();
    make("h");
    rule("open: creating changes the directory", later(of(".").st_mtim, directory.st_mtim));
    rule("open: the owner is who made it", as(1000, 1001, [] {
             return make("mine") == 0 && of("mine").st_uid == 1000 && of("mine").st_gid == 1001;
         }));
    const int unnamed = ::open(".", O_TMPFILE | O_RDWR, 0640);
    rule("open: without a name", unnamed != -1 && ::write(unnamed, "x", 1) == 1);
    const std::string link = "/proc/self/fd/" + std::to_string(unnamed);
    rule("open: which it gets later",
         ::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0 &&
             content_of("named") == "x");
    ::close(unnamed);
}

void directories() {
    ::umask(027);
    rule("mkdir: modes lose the umask", ::mkdir("d", 0777) == 0 && mode_of("d") == 0750);
    fails("mkdir, over a file", EEXIST, (make("f"), ::mkdir("f", 0755)));
    fails("mkdir, again", EEXIST, ::mkdir("d", 0755));
    fails("mkdir, below a file", ENOTDIR, ::mkdir("f/x", 0755));
    fails("mkdir, below nothing", ENOENT, ::mkdir("none/x", 0755));
    ::umask(022);
    ::chmod("d", 02775);
    ::chown("d", 0, 77);
    ::mkdir("d/e", 0755);
    make("d/f");
    rule("mkdir: the group of a set-group-id directory",
         of("d/e").st_gid == 77 && of("d/f").st_gid == 77 && (mode_of("d/e") & 02000) != 0);
    rule("mkdir: links of a directory", of("d").st_nlink == 3 && of("d/e").st_nlink == 2);
    fails("rmdir, not empty", ENOTEMPTY, ::rmdir("d"));
    fails("rmdir, a file", ENOTDIR, ::rmdir("f"));
    fails("rmdir, nothing", ENOENT, ::rmdir("none"));
    fails("rmdir, dot", EINVAL, ::rmdir("d/."));
    rule("rmdir: empty", ::rmdir("d/e") == 0 && of("d/e").st_mode == 0);
    // Entries that are removed while they are listed.
    ::mkdir("many", 0755);
    for (int i = 0; i < 1500; ++i)
        make(("many/" + std::string(20, 'x') + std::to_string(i)).c_str());
    int seen = 0;
    DIR* const list = ::opendir("many");
    while (const dirent* const entry = ::readdir(list))
        if (entry->d_name[0] == 'x' && ++seen > 0)
            ::unlinkat(::dirfd(list), entry->d_name, 0);
    rule("readdir: each entry once, while they are removed", seen == 1500);
    ::rewinddir(list);
    seen = 0;
    while (::readdir(list) != nullptr)
        ++seen;
    rule("readdir: rewound, it is the directory of now", seen == 2);
    ::closedir(list);
    rule("rmdir: emptied", ::rmdir("many") == 0);
}

void links() {
    make("a", 0644, "text");
    const struct stat before = of("a");
    tick();
    rule("link: the same file", ::link("a", "b") == 0 && of("b").st_ino == before.st_ino &&
                                    of("a").st_nlink == 2 && content_of("b") == "text");
    rule("link: changes the time of change", later(of("a").st_ctim, before.st_ctim));
    fails("link, over a file", EEXIST, ::link("a", "b"));
    ::mkdir("d", 0755);
    fails("link, a directory", EPERM, ::link("d", "e"));
    fails("link, nothing", ENOENT, ::link("none", "e"));
    tick();
    const struct stat two = of("a");
    rule("unlink: one of two names", ::unlink("b") == 0 && of("a").st_nlink == 1);
    rule("unlink: changes the time of change", later(of("a").st_ctim, two.st_ctim));
    fails("unlink, a directory", EISDIR, ::unlink("d"));
    fails("unlink, nothing", ENOENT, ::unlink("none"));
    const int fd = ::open("a", O_RDWR);
    ::unlink("a");
    struct stat open{};
    std::array<char, 4> text{};
    rule("unlink: an open file lives on", ::fstat(fd, &open) == 0 && open.st_nlink == 0 &&
                                              ::pread(fd, text.data(), 4, 0) == 4 &&
                                              ::fchmod(fd, 0600) == 0 && ::ftruncate(fd, 9) == 0);
    ::close(fd);
    const std::string target(PATH_MAX - 1, 't');
    std::string read(PATH_MAX, '\0');
    rule("symlink: any text", ::symlink(target.c_str(), "l") == 0 &&
                                  ::readlink("l", read.data(), read.size()) == PATH_MAX - 1);
    rule("symlink: its size", of("l").st_size == PATH_MAX - 1);
    fails("symlink, too long", ENAMETOOLONG, ::symlink(std::string(PATH_MAX, 't').c_str(), "m"));
    fails("symlink, over a file", EEXIST, ::symlink("x", "l"));
    fails("readlink, a directory", EINVAL, ::readlink("d", read.data(), read.size()));
    ::symlink("round", "round");
    fails("open, in circles", ELOOP, ::open("round", O_RDONLY));
    rule("lchown: of a link", ::lchown("round", 7, 8) == 0 && of("round").st_uid == 7);
}

void renaming() {
    make("a", 0644, "a");
    make("b", 0644, "b");
    const ino_t number = of("a").st_ino;
    rule("rename: replaces", ::rename("a", "b") == 0 && content_of("b") == "a" &&
                                 of("a").st_mode == 0 && of("b").st_ino == number);
    ::link("b", "c");
    rule("rename: two names of one file stay", ::rename("b", "c") == 0 && of("b").st_nlink == 2);
    ::mkdir("d", 0755);
    ::mkdir("d/e", 0755);
    ::mkdir("empty", 0755);
    fails("rename, a file over a directory", EISDIR, ::rename("b", "d"));
    fails("rename, a directory over a file", ENOTDIR, ::rename("d", "b"));
    fails("rename, a directory into itself", EINVAL, ::rename("d", "d/e/f"));
    fails("rename, over a full directory", ENOTEMPTY, ::rename("empty", "d"));
    fails("rename, nothing", ENOENT, ::rename("none", "x"));
    rule("rename: over an empty directory",
         ::rename("d", "empty") == 0 && S_ISDIR(of("empty/e").st_mode));
    fails("rename, without replacing", EEXIST,
          ::renameat2(AT_FDCWD, "b", AT_FDCWD, "c", RENAME_NOREPLACE));
    make("x", 0644, "x");
    rule("rename: exchanging",
         ::renameat2(AT_FDCWD, "x", AT_FDCWD, "empty", RENAME_EXCHANGE) == 0 &&
             S_ISDIR(of("x").st_mode) && content_of("empty") == "x");
    rule("rename: below a directory that has moved",
         ::rename("x", "y") == 0 && ::rename("y/e", "e") == 0 && make("e/f") == 0);
}

void modes_and_owners() {
    make("f", 0644);
    struct stat before = of("f");
    tick();
    rule("chmod: all bits", ::chmod("f", 07755) == 0 && mode_of("f") == 07755);
    rule("chmod: changes the time of change", later(of("f").st_ctim, before.st_ctim));
    ::chmod("f", 06755);
    rule("chown: takes set-id bits away", ::chown("f", 1000, 1001) == 0 && mode_of("f") == 0755 &&
                                              of("f").st_uid == 1000 && of("f").st_gid == 1001);
    rule("chmod: of somebody else", as(2000, 2000, [] {
             return fails_with(EPERM, ::chmod("f", 0777)) &&
                    fails_with(EPERM, ::chown("f", 2000, 2000));
         }));
    rule("chmod: of one's own", as(1000, 1001, [] {
             return ::chmod("f", 0700) == 0 && fails_with(EPERM, ::chown("f", 2000, -1)) &&
                    ::chown("f", -1, 1001) == 0;
         }));
    ::chown("f", 1000, 5);
    rule("chmod: no set-group-id of a strange group",
         as(1000, 1001, [] { return ::chmod("f", 02755) == 0 && (mode_of("f") & 02000) == 0; }));
    ::chmod("f", 06777);
    rule("write: takes set-id bits away", as(2000, 2000, [] {
             const int fd = ::open("f", O_WRONLY);
             return ::write(fd, "x", 1) == 1 && ::close(fd) == 0 && (mode_of("f") & 04000) == 0;
         }));
    ::chmod("f", 0640);
    rule("access: neither owner nor group", as(2000, 2000, [] {
             return fails_with(EACCES, ::open("f", O_RDONLY)) &&
                    fails_with(EACCES, ::truncate("f", 0)) &&
                    fails_with(EACCES, ::access("f", R_OK));
         }));
    rule("access: the group", as(2000, 5, [] {
             return ::open("f", O_RDONLY) != -1 && fails_with(EACCES, ::open("f", O_WRONLY));
         }));
    ::mkdir("closed", 0700);
    make("closed/f", 0777);
    rule("access: below a closed directory", as(2000, 2000, [] {
             struct stat info{};
             return fails_with(EACCES, ::stat("closed/f", &info)) &&
                    fails_with(EACCES, ::open("closed/f", O_RDONLY)) &&
                    fails_with(EACCES, ::unlink("closed/f"));
         }));
    ::mkdir("sticky", 01777);
    ::chmod("sticky", 01777);
    make("sticky/f", 0666);
    rule("access: a sticky directory", as(2000, 2000, [] {
             return fails_with(EPERM, ::unlink("sticky/f")) &&
                    fails_with(EPERM, ::rename("sticky/f", "sticky/g")) &&
                    make("sticky/own") == 0 && ::unlink("sticky/own") == 0;
         }));
}

void sizes_and_times() {
    const int fd = ::open("f", O_RDWR | O_CREAT, 0644);
    ::pwrite(fd, "0123456789", 10, 0);
    struct stat before = of("f");
    tick();
    rule("truncate: shorter", ::truncate("f", 5) == 0 && content_of("f") == "01234" &&
                                  later(of("f").st_mtim, before.st_mtim));
    rule("truncate: longer, with zeros",
         ::ftruncate(fd, 8) == 0 && content_of("f") == std::string("01234\0\0\0", 8));
    fails("truncate, below zero", EINVAL, ::truncate("f", -1));
    ::mkdir("d", 0755);
    fails("truncate, a directory", EISDIR, ::truncate("d", 0));
    const int append = ::open("f", O_WRONLY | O_APPEND);
    rule("write: at the end", ::pwrite(append, "end", 3, 0) == 3 && of("f").st_size == 11);
    ::ftruncate(fd, 0);
    ::pwrite(fd, "x", 1, 1 << 20);
    rule("write: beyond the end", of("f").st_size == (1 << 20) + 1 && of("f").st_blocks < 64);
    rule("lseek: holes and data",
         ::lseek(fd, 0, SEEK_HOLE) == 0 && ::lseek(fd, 0, SEEK_DATA) == 1 << 20);
    fails("lseek, data behind the end", ENXIO, ::lseek(fd, 2 << 20, SEEK_DATA));
    rule("fallocate: to a size", ::fallocate(fd, 0, 0, 2 << 20) == 0 && of("f").st_size == 2 << 20);
    ::pwrite(fd, std::string(8192, 'd').data(), 8192, 0);
    rule("fallocate: a hole",
         ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0 &&
             content_of("f") == std::string(4096, '\0'));
    rule("fallocate: beyond the size, which stays",
         ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 2 << 20, 1 << 20) == 0);
    ::ftruncate(fd, 8192);
    auto* const map =
        static_cast<char*>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    std::memcpy(map + 100, "mapped", 6);
    std::array<char, 6> text{};
    rule("mmap: what is written is read",
         ::pread(fd, text.data(), 6, 100) == 6 && std::memcmp(text.data(), "mapped", 6) == 0);
    ::pwrite(fd, "PREAD", 5, 200);
    rule("mmap: and the other way round", std::memcmp(map + 200, "PREAD", 5) == 0);
    ::munmap(map, 8192);
    off_t from = 0;
    const int copy = ::open("copy", O_RDWR | O_CREAT, 0644);
    rule("copy_file_range: a part", ::copy_file_range(fd, &from, copy, nullptr, 4096, 0) == 4096);
    std::array<timespec, 2> times = {timespec{1, 2}, timespec{-3, 999'999'999}};
    rule("utimensat: any time", ::utimensat(AT_FDCWD, "f", times.data(), 0) == 0 &&
                                    of("f").st_atim.tv_nsec == 2 && of("f").st_mtim.tv_sec == -3 &&
                                    of("f").st_mtim.tv_nsec == 999'999'999);
    times = {timespec{0, UTIME_OMIT}, timespec{0, UTIME_NOW}};
    rule("utimensat: one of them now", ::utimensat(AT_FDCWD, "f", times.data(), 0) == 0 &&
                                           of("f").st_atim.tv_sec == 1 &&
                                           of("f").st_mtim.tv_sec > 3);
    ::chmod("f", 0666);
    rule("utimensat: of somebody else", as(2000, 2000, [] {
             const std::array<timespec, 2> set = {timespec{1, 0}, timespec{1, 0}};
             return fails_with(EPERM, ::utimensat(AT_FDCWD, "f", set.data(), 0)) &&
                    ::utimensat(AT_FDCWD, "f", nullptr, 0) == 0;
         }));
    struct statx birth{};
    rule("statx: the time of birth", ::statx(AT_FDCWD, "f", 0, STATX_BTIME, &birth) == 0 &&
                                         (birth.stx_mask & STATX_BTIME) != 0);
    struct statvfs whole{};
    rule("statvfs: longest name", ::statvfs(".", &whole) == 0 && whole.f_namemax == NAME_MAX);
    rule("setxattr: of users",
         ::setxattr("f", "user.a", "v", 1, XATTR_CREATE) == 0 &&
             fails_with(EEXIST, ::setxattr("f", "user.a", "v", 1, XATTR_CREATE)) &&
             ::removexattr("f", "user.a") == 0 &&
             fails_with(ENODATA, ::removexattr("f", "user.a")));
}

void special_files() {
    rule("mknod: a FIFO",
         ::mkfifo("p", 0640) == 0 && S_ISFIFO(of("p").st_mode) && mode_of("p") == 0640);
    const bool talks = in_child([] {
        const pid_t writer = ::fork();
        if (writer == 0) {
            const int fd = ::open("p", O_WRONLY);
            ::_exit(::write(fd, "through", 7) == 7 ? 0 : 1);
        }
        return content_of("p") == "through";
    });
    rule("mknod: what is written to a FIFO is read", talks);
    rule("mknod: a device", ::mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0 &&
                                of("null").st_rdev == makedev(1, 3) &&
                                ::open("null", O_WRONLY) != -1);
    fails("mknod, again", EEXIST, ::mkfifo("p", 0640));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strcpy(name.sun_path, "s");
    const int server = ::socket(AF_UNIX, SOCK_STREAM, 0),
              client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const auto* const address = reinterpret_cast<const sockaddr*>(&name);
    rule("bind: a socket", ::bind(server, address, sizeof(name)) == 0 && ::listen(server, 1) == 0 &&
                               S_ISSOCK(of("s").st_mode) &&
                               ::connect(client, address, sizeof(name)) == 0);
}

bool locks(int fd, short type, off_t start, off_t length) {
    struct flock range{};
    range.l_type = type;
    range.l_start = start;
    range.l_len = length;
    return ::fcntl(fd, F_SETLK, &range) == 0;
}

void locking() {
    make("f", 0644, "0123456789");
    const int fd = ::open("f", O_RDWR);
    const auto other = [](short type, off_t start, off_t length) {
        return in_child([=] { return locks(::open("f", O_RDWR), type, start, length); });
    };
    rule("fcntl: ranges exclude each other",
         locks(fd, F_WRLCK, 0, 5) && !other(F_RDLCK, 4, 1) && other(F_WRLCK, 5, 5));
    rule("fcntl: readers share",
         locks(fd, F_RDLCK, 0, 5) && other(F_RDLCK, 0, 5) && !other(F_WRLCK, 0, 1));
    rule("fcntl: giving up a part",
         locks(fd, F_UNLCK, 0, 2) && other(F_WRLCK, 0, 2) && !other(F_WRLCK, 2, 1));
    ::close(::open("f", O_RDONLY));
    rule("fcntl: closing any descriptor gives up", other(F_WRLCK, 0, 0));
    // A process that waits gets it when the other ends.
    locks(fd, F_WRLCK, 0, 0);
    const pid_t waiting = ::fork();
    if (waiting == 0) {
        struct flock range{};
        range.l_type = F_WRLCK;
        ::_exit(::fcntl(::open("f", O_RDWR), F_SETLKW, &range) == 0 ? 0 : 1);
    }
    ::usleep(100'000);
    const bool still = ::waitpid(waiting, nullptr, WNOHANG) == 0;
    locks(fd, F_UNLCK, 0, 0);
    int status = 1;
    ::waitpid(waiting, &status, 0);
    rule("fcntl: waiting", still && status == 0);
    const int second = ::open("f", O_RDONLY);
    rule("flock: among open files",
         ::flock(fd, LOCK_EX) == 0 && fails_with(EWOULDBLOCK, ::flock(second, LOCK_SH | LOCK_NB)) &&
             ::flock(fd, LOCK_UN) == 0 && ::flock(second, LOCK_SH | LOCK_NB) == 0);
    ::close(second);
    rule("flock: closing gives up", ::flock(fd, LOCK_EX | LOCK_NB) == 0);
}

/// In a directory of its own.
void family(const char* name, void (*ask)()) {
    if (::mkdir(name, 0755) == -1 || ::chmod(name, 0777) == -1 || ::chdir(name) == -1) {
        std::perror(name);
        std::exit(2);
    }
    errno = 0;
    ask();
    ::umask(022);
    if (::chdir("..") == -1)
        std::exit(2);
}

} // namespace

int main(int count, char** arguments) {
    if (count < 2 || ::chdir(arguments[1]) == -1) {
        std::perror("posix_fs DIRECTORY");
        return 2;
    }
    deviations.assign(arguments + 2, arguments + count);
    family("open", opening);
    family("directories", directories);
    family("links", links);
    family("rename", renaming);
    family("modes", modes_and_owners);
    family("sizes", sizes_and_times);
    family("special", special_files);
    family("locks", locking);
    std::printf("%d rules, %d wrong, %d deviate\n", asked, wrong, deviating);
    return wrong == 0 ? 0 : 1;
}
