// stuck_fuse DIRECTORY [init]: a file system for tests in a guest whose server never answers, or
// answers the kernel's greeting and nothing after it. Mounts itself there, goes to the background
// and ignores every signal that can be ignored.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

namespace {

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

/// As little as the kernel takes for an answer: its own version, and no features.
void answer_greeting(int device) {
    alignas(fuse_in_header) std::array<char, std::size_t{64} << 10> buffer{};
    if (::read(device, buffer.data(), buffer.size()) < static_cast<ssize_t>(sizeof(fuse_in_header)))
        give_up("read the greeting");
    fuse_in_header request{};
    fuse_init_in greeting{};
    std::memcpy(&request, buffer.data(), sizeof(request));
    std::memcpy(&greeting, buffer.data() + sizeof(request), sizeof(greeting));
    struct {
        fuse_out_header header;
        fuse_init_out init;
    } answer{};
    answer.header.len = sizeof(answer);
    answer.header.unique = request.unique;
    answer.init.major = FUSE_KERNEL_VERSION;
    answer.init.minor = std::min<std::uint32_t>(greeting.minor, FUSE_KERNEL_MINOR_VERSION);
    answer.init.max_write = 4096;
    if (::write(device, &answer, sizeof(answer)) == -1)
        give_up("answer the greeting");
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2)
        return 2;
    const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device == -1)
        give_up("/dev/fuse");
    const std::string options =
        "fd=" + std::to_string(device) + ",rootmode=40755,user_id=0,group_id=0";
    if (::mount("stuck", argv[1], "fuse", 0, options.c_str()) == -1)
        give_up("mount");
    if (argc > 2)
        answer_greeting(device);
    for (int number = 1; number < NSIG; ++number)
        std::signal(number, SIG_IGN);
    if (::daemon(0, 0) == -1)
        give_up("daemon");
    for (;;)
        ::pause();
}
