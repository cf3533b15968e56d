// UDP in a guest, whose busybox may not have it.
//
//   udp send ADDRESS PORT SIZE        sends SIZE bytes; prints how many come back, or the error
//   udp files ADDRESS PORT FILE...    sends each file, from one port; prints the same about each
//   udp serve PORT                    echoes
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace {

constexpr int patience_ms = 3000;

int report_error() {
    std::printf("%s\n", std::strerror(errno));
    return 1;
}

int connected(const char* address, const char* port) {
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    const bool six = std::strchr(address, ':') != nullptr;
    const int fd = ::socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    v6.sin6_family = AF_INET6;
    v4.sin_family = AF_INET;
    v6.sin6_port = v4.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    if (six)
        ::inet_pton(AF_INET6, address, &v6.sin6_addr);
    else
        ::inet_pton(AF_INET, address, &v4.sin_addr);
    const void* const name = six ? static_cast<const void*>(&v6) : &v4;
    if (::connect(fd, static_cast<const sockaddr*>(name), six ? sizeof(v6) : sizeof(v4)) == -1) {
        report_error();
        std::exit(1);
    }
    return fd;
}

int ask(int fd, const std::vector<char>& data) {
    if (::send(fd, data.data(), data.size(), 0) == -1)
        return report_error();
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, patience_ms) == 0)
        return std::puts("nothing"), 1;
    std::vector<char> back(65536);
    const ssize_t count = ::recv(fd, back.data(), back.size(), 0);
    if (count == -1)
        return report_error();
    std::printf("%zd\n", count);
    return 0;
}

int send_files(int fd, char** paths) {
    for (; *paths != nullptr; ++paths) {
        std::ifstream file(*paths, std::ios::binary);
        ask(fd, {std::istreambuf_iterator<char>(file), {}});
    }
    return 0;
}

int serve(const char* port) {
    const int fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == -1)
        return report_error();
    std::vector<char> data(65536);
    for (;;) {
        sockaddr_in6 peer{};
        socklen_t size = sizeof(peer);
        const ssize_t count =
            ::recvfrom(fd, data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
        if (count >= 0)
            (void)!::sendto(fd, data.data(), static_cast<std::size_t>(count), 0,
                            reinterpret_cast<const sockaddr*>(&peer), size);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 5 && std::string(argv[1]) == "send")
        return ask(connected(argv[2], argv[3]),
                   std::vector<char>(static_cast<std::size_t>(std::atol(argv[4])), 'd'));
    if (argc >= 5 && std::string(argv[1]) == "files")
        return send_files(connected(argv[2], argv[3]), argv + 4);
    if (argc == 3 && std::string(argv[1]) == "serve")
        return serve(argv[2]);
    std::fprintf(stderr,
                 "usage: udp send ADDRESS PORT SIZE | files ADDRESS PORT FILE... | serve PORT\n");
    return 2;
}
