#include "guest_tasks.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace msb::guest {

namespace {

constexpr std::uint32_t echo_port = 1024;   ///< Host: echoes, then ends its stream.
constexpr std::uint32_t deaf_port = 1026;   ///< Host: never reads.
constexpr std::uint32_t unused_port = 1099; ///< Host: refuses.
constexpr std::uint32_t sink_port = 1030;   ///< Host: reads to the end, then ends its stream.
constexpr std::uint32_t source_port = 1031; ///< Host: sends a stream and ends it.
constexpr std::uint32_t guest_port = 1025;  ///< Ours: the host connects and echoes too.
constexpr std::size_t chunk = 64 << 10;

sockaddr_vm address(std::uint32_t cid, std::uint32_t port) {
    sockaddr_vm result{};
    result.svm_family = AF_VSOCK;
    result.svm_cid = cid;
    result.svm_port = port;
    return result;
}

int connect_to(std::uint32_t port) {
    const int fd = ::socket(AF_VSOCK, SOCK_STREAM, 0);
    const sockaddr_vm to = address(VMADDR_CID_HOST, port);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == -1) {
        const int error = errno;
        ::close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

std::vector<std::uint8_t> stream(std::size_t size, std::uint64_t seed) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
        const std::uint64_t word = pattern(seed, i);
        std::memcpy(bytes.data() + i, &word, 8);
    }
    return bytes;
}

/// Sends and receives at once, ends our stream, and wants the same bytes and then the end back.
std::string echo(int fd, std::size_t size, std::uint64_t seed) {
    const std::vector<std::uint8_t> out = stream(size, seed);
    std::vector<std::uint8_t> in(size + 1);
    std::size_t sent = 0;
    std::size_t got = 0;
    for (;;) {
        pollfd item{fd, static_cast<short>(POLLIN | (sent < size ? POLLOUT : 0)), 0};
        if (::poll(&item, 1, 10'000) <= 0)
            return "stalled after " + std::to_string(sent) + " sent, " + std::to_string(got) +
                   " received";
        if ((item.revents & POLLOUT) != 0 && sent < size) {
            const ssize_t count = ::send(fd, out.data() + sent, std::min(chunk, size - sent),
                                         MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN)
                return std::string("send: ") + std::strerror(errno);
            sent += count > 0 ? static_cast<std::size_t>(count) : 0;
            if (sent == size)
                ::shutdown(fd, SHUT_WR);
        }
        if ((item.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            const ssize_t count = ::recv(fd, in.data() + got, in.size() - got, MSG_DONTWAIT);
            if (count == 0)
                break;
            if (count < 0 && errno != EAGAIN)
                return std::string("recv: ") + std::strerror(errno);
            got += count > 0 ? static_cast<std::size_t>(count) : 0;
        }
    }
    if (got != size || std::memcmp(in.data(), out.data(), size) != 0)
        return "echo differs: " + std::to_string(got) + " bytes of " + std::to_string(size);
    return {};
}

std::string check_refused() {
    const int fd = connect_to(unused_port);
    if (fd != -1)
        return "connect to a port without listener succeeded";
    return errno == ECONNRESET || errno == ECONNREFUSED ? "" : std::strerror(errno);
}

/// A connection that the host does not read fills up; others must go on.
std::string check_deaf(std::uint64_t seed) {
    const int deaf = connect_to(deaf_port);
    if (deaf == -1)
        return std::string("connect (deaf): ") + std::strerror(errno);
    const std::vector<std::uint8_t> data(chunk, 0x55);
    std::size_t accepted = 0;
    while (accepted < (16u << 20)) {
        pollfd item{deaf, POLLOUT, 0};
        if (::poll(&item, 1, 200) == 0)
            break;
        const ssize_t count = ::send(deaf, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0)
            accepted += static_cast<std::size_t>(count);
    }
    if (accepted >= (16u << 20))
        return "the host took 16 MiB that nobody reads";
    const int fd = connect_to(echo_port);
    const std::string problem =
        fd == -1 ? std::string("connect beside a full one: ") + std::strerror(errno)
                 : echo(fd, 1 << 20, seed);
    ::close(fd);
    ::close(deaf);
    return problem;
}

std::string check_accept(int listener) {
    pollfd item{listener, POLLIN, 0};
    if (::poll(&item, 1, 10'000) <= 0)
        return "the host did not connect";
    const int fd = ::accept(listener, nullptr, nullptr);
    const std::string problem = echo(fd, 3'000'008, 7);
    ::close(fd);
    return problem;
}

int listen_on(std::uint32_t port) {
    const int fd = ::socket(AF_VSOCK, SOCK_STREAM, 0);
    const sockaddr_vm at = address(VMADDR_CID_ANY, port);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == -1 ||
        ::listen(fd, 8) == -1)
        return -1;
    return fd;
}

void report(const char* name, const std::string& problem) {
    problem.empty() ? pass(name) : fail(name, problem);
}

} // namespace

void test_vsock(const Words&) {
    report("vsock_refused", check_refused());
    const int listener = listen_on(guest_port);
    // The host connects to guest_port when it sees this connection.
    const int fd = connect_to(echo_port);
    report("vsock_echo", fd == -1 ? std::strerror(errno) : echo(fd, 5'000'000, 1));
    ::close(fd);
    report("vsock_accept", check_accept(listener));
    report("vsock_deaf", check_deaf(3));
    for (std::uint64_t i = 0; i < 50; ++i) {
        const int next = connect_to(echo_port);
        const std::string problem = next == -1 ? std::strerror(errno) : echo(next, 4096, i);
        ::close(next);
        if (!problem.empty())
            return fail("vsock_many", problem);
    }
    pass("vsock_many");
}

namespace {

/// Sends `bytes` bytes to the host: from memory, or what is read from `file`, over and over.
double send_rate(std::uint64_t bytes, int file) {
    constexpr std::size_t block = 256 << 10;
    std::vector<std::uint8_t> buffer(block, 0x55);
    const int sink = connect_to(sink_port);
    const double begin = now_seconds();
    for (std::uint64_t left = bytes; left > 0;) {
        ssize_t size = static_cast<ssize_t>(std::min<std::uint64_t>(block, left));
        if (file >= 0) {
            size = ::read(file, buffer.data(), static_cast<std::size_t>(size));
            if (size == 0 && ::lseek(file, 0, SEEK_SET) == 0)
                continue;
        }
        for (ssize_t sent = 0; sent < size;) {
            const ssize_t count = ::send(sink, buffer.data() + sent,
                                         static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
            if (count <= 0)
                return 0;
            sent += count;
        }
        if (size < 0)
            return 0;
        left -= static_cast<std::uint64_t>(size);
    }
    ::shutdown(sink, SHUT_WR);
    (void)!::recv(sink, buffer.data(), 1, 0); // everything has arrived
    ::close(sink);
    return static_cast<double>(bytes) / (1 << 20) / (now_seconds() - begin);
}

double receive_rate() {
    constexpr std::size_t block = 256 << 10;
    std::vector<std::uint8_t> buffer(block);
    const int source = connect_to(source_port);
    // Not woken for every packet: the least a reader who wants throughput does.
    const int enough = static_cast<int>(chunk);
    (void)::setsockopt(source, SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof(enough));
    const double begin = now_seconds();
    std::uint64_t got = 0;
    for (ssize_t count = 0; (count = ::recv(source, buffer.data(), buffer.size(), 0)) > 0;)
        got += static_cast<std::uint64_t>(count);
    ::close(source);
    return static_cast<double>(got) / (1 << 20) / (now_seconds() - begin);
}

} // namespace

void bench_vsock(const Words& words) {
    const std::uint64_t bytes = number(words, "bytes", 1U << 30);
    const int file = ::open("/stream", O_RDWR | O_CREAT, 0600);
    const std::vector<std::uint8_t> content(std::min<std::uint64_t>(bytes, 64 << 20), 0x55);
    if (::write(file, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
        return fail("vsock_out", std::strerror(errno));
    value("vsock_out", send_rate(bytes, file));
    value("vsock_out_memory", send_rate(bytes, -1));
    value("vsock_in", receive_rate());
    ::close(file);
}

} // namespace msb::guest
