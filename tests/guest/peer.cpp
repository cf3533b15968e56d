// peer PORT|/PATH|@NAME COMMAND...: a server for tests in a guest. Listens there and runs the
// command for every connection, with the connection as its stdin and stdout. Goes to the background
// once it listens.
#include <arpa/inet.h>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

int listen_on(const char* where) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (where[0] == '/' || where[0] == '@') {
        auto& address = reinterpret_cast<sockaddr_un&>(storage);
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, where, sizeof(address.sun_path) - 1);
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(where));
        if (where[0] == '@')
            address.sun_path[0] = '\0';
    } else {
        auto& address = reinterpret_cast<sockaddr_in&>(storage);
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(where)));
        size = sizeof(address);
    }
    const int fd = ::socket(storage.ss_family, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) == -1 || ::listen(fd, 256) == -1) {
        std::perror(where);
        std::exit(1);
    }
    return fd;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3)
        return 2;
    const int listener = listen_on(argv[1]);
    if (::daemon(0, 0) == -1)
        return 1;
    std::signal(SIGCHLD, SIG_IGN);
    for (;;) {
        const int peer = ::accept(listener, nullptr, nullptr);
        if (peer >= 0 && ::fork() == 0) {
            ::dup2(peer, 0);
            ::dup2(peer, 1);
            ::close(peer);
            ::close(listener);
            ::execvp(argv[2], argv + 2);
            ::_exit(127);
        }
        ::close(peer);
    }
}
