// A process of a guest that holds a file of a share while the host changes it.
//
//   share_probe mapped FILE     maps FILE, prints "mapped", waits for a line, and touches its last page
//   share_probe try FILE        locks FILE (flock) without waiting; prints "locked", or what it is told
//   share_probe hold FILE       locks FILE (flock), prints "locked", and waits for a line
//   share_probe count FILE N    adds one to the number in FILE under a lock of it, N times
#include <array>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

sigjmp_buf after_fault;

int hold_mapped(const char* path) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    struct stat info{};
    if (fd == -1 || ::fstat(fd, &info) == -1)
        return 2;
    const auto size = static_cast<std::size_t>(info.st_size);
    const auto* const map =
        static_cast<const volatile char*>(::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0));
    std::puts("mapped");
    std::fflush(stdout);
    (void)std::getchar();
    std::signal(SIGBUS, [](int) { siglongjmp(after_fault, 1); });
    if (sigsetjmp(after_fault, 1) != 0)
        std::puts("fault");
    else
        std::printf("byte %d\n", map[size - 1]);
    return 0;
}

bool lock(int fd, short type, int command) {
    struct flock range{};
    range.l_type = type;
    return ::fcntl(fd, command, &range) == 0;
}

int lock_whole(const char* path, int flags) {
    const int fd = ::open(path, O_RDWR | O_CLOEXEC);
    std::puts(::flock(fd, LOCK_EX | flags) == 0 ? "locked" : std::strerror(errno));
    std::fflush(stdout);
    if (flags == 0)
        (void)std::getchar();
    return 0;
}

int count(const char* path, int times) {
    const int fd = ::open(path, O_RDWR | O_CLOEXEC);
    for (int i = 0; i < times; ++i) {
        if (!lock(fd, F_WRLCK, F_SETLKW))
            return 1;
        std::array<char, 16> text{};
        if (::pread(fd, text.data(), text.size() - 1, 0) < 0)
            return 1;
        const std::string next = std::to_string(std::atoi(text.data()) + 1);
        if (::pwrite(fd, next.data(), next.size(), 0) < 0 || !lock(fd, F_UNLCK, F_SETLK))
            return 1;
        ::usleep(500);
    }
    return 0;
}

} // namespace

int main(int count_of, char** arguments) {
    const std::string_view what = count_of < 3 ? "" : arguments[1];
    if (what == "mapped")
        return hold_mapped(arguments[2]);
    if (what == "try" || what == "hold")
        return lock_whole(arguments[2], what == "try" ? LOCK_NB : 0);
    if (what == "count" && count_of == 4)
        return count(arguments[2], std::atoi(arguments[3]));
    return 2;
}
