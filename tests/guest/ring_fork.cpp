// ring_fork io_uring|packet: maps a kernel buffer of several pages, a ring, and forks children that
// look at it and end. Says "fine"; "refused" if the kernel does not give such a ring.
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <net/ethernet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int children = 20;

[[noreturn]] void give_up(const char* what) {
    if (errno == EPERM || errno == ENOSYS || errno == EAFNOSUPPORT) {
        std::puts("refused");
        std::exit(0);
    }
    std::perror(what);
    std::exit(1);
}

struct Ring {
    unsigned char* memory;
    std::size_t size;
};

Ring map(int fd, std::size_t size, off_t offset) {
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
    if (memory == MAP_FAILED)
        give_up("mmap");
    return {static_cast<unsigned char*>(memory), size};
}

Ring io_uring() {
    io_uring_params parameters{};
    const int fd = static_cast<int>(::syscall(SYS_io_uring_setup, 256, &parameters));
    if (fd == -1)
        give_up("io_uring_setup");
    return map(fd, parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
}

Ring packet() {
    const int fd = ::socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    tpacket_req request{};
    request.tp_block_size = 64 << 10;
    request.tp_block_nr = 16;
    request.tp_frame_size = 2048;
    request.tp_frame_nr = 512;
    if (fd == -1 || ::setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) == -1)
        give_up("PACKET_RX_RING");
    return map(fd, std::size_t{64 << 10} * 16, 0);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    const Ring ring = std::strcmp(argv[1], "packet") == 0 ? packet() : io_uring();
    constexpr std::size_t page = 4096;
    // A mark on each page, as far from its ring's own words as can be.
    for (std::size_t at = 0; at < ring.size; at += page)
        ring.memory[at + page - 1] = static_cast<unsigned char>(at / page);
    for (int i = 0; i < children; ++i) {
        const pid_t child = ::fork();
        if (child == -1)
            give_up("fork");
        if (child == 0) {
            for (std::size_t at = 0; at < ring.size; at += page)
                if (ring.memory[at + page - 1] != static_cast<unsigned char>(at / page))
                    ::_exit(3);
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        if (status != 0) {
            std::printf("child %d: status %x\n", i, static_cast<unsigned>(status));
            return 1;
        }
    }
    std::puts("fine");
    return 0;
}
