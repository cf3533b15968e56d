// Names in a guest, over the transport that is asked for.
//
//   ask udp|tcp SERVER NAME [TYPE]    prints the code of the answer (0: found, 3: no such name), or
//                                     "none"
#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>

namespace {

constexpr timeval patience{.tv_sec = 15, .tv_usec = 0};

std::string question(std::string_view name, int type) {
    std::string message("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        message += static_cast<char>(label.size());
        message += label;
        name.remove_prefix(label.size() + (label.size() < name.size() ? 1 : 0));
    }
    message += '\0';
    return message + std::string({'\0', static_cast<char>(type), '\0', '\1'});
}

/// The fourth byte of an answer, or -1.
int answer(int fd, bool tcp) {
    std::array<char, 4096> bytes;
    const std::size_t code = tcp ? 5 : 3;
    std::size_t have = 0;
    while (have <= code) {
        const ssize_t count = ::recv(fd, bytes.data() + have, bytes.size() - have, 0);
        if (count <= 0)
            return -1;
        have += static_cast<std::size_t>(count);
    }
    return bytes[code] & 0x0f;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4)
        return std::fprintf(stderr, "usage: ask udp|tcp SERVER NAME [TYPE]\n"), 2;
    const bool tcp = std::string_view(argv[1]) == "tcp";
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(53);
    ::inet_pton(AF_INET, argv[2], &server.sin_addr);
    const int fd = ::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    std::string message = question(argv[3], argc > 4 ? std::atoi(argv[4]) : 1);
    if (tcp)
        message = std::string({'\0', static_cast<char>(message.size())}) + message;
    int code = -1;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof(server)) == 0 &&
        ::send(fd, message.data(), message.size(), MSG_NOSIGNAL) != -1)
        code = answer(fd, tcp);
    code == -1 ? std::puts("none") : std::printf("%d\n", code);
    return 0;
}
