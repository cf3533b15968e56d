#include "agent/boot/transport.hpp"

#include "base/system.hpp"
#include "wire/transport.hpp"

#include <cerrno>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace msb::agent {

namespace {

constexpr auto retry_pause = std::chrono::milliseconds(2);
/// Retries only help while a driver is still coming up, not without a device.
constexpr auto device_patience = std::chrono::seconds(2);

Result<OwnedFd> vsock_socket() {
    OwnedFd fd(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno("socket(AF_VSOCK)");
    return fd;
}

Result<OwnedFd> try_connect(std::uint32_t port, std::chrono::milliseconds timeout) {
    OwnedFd fd = MSB_TRY(vsock_socket());
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_HOST;
    address.svm_port = port;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
        return fd;
    if (errno != EINPROGRESS)
        return fail_errno("connect(vsock)");
    if (!MSB_TRY(sys::wait_for(fd.get(), POLLOUT, timeout)))
        return fail(Error::from_errno(ETIMEDOUT, "connect(vsock)"));
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        return fail(Error::from_errno(error, "connect(vsock)"));
    return fd;
}

} // namespace

Result<OwnedFd> connect_to_host(std::uint32_t port, std::chrono::milliseconds timeout) {
    using Clock = std::chrono::steady_clock;
    const auto begun = Clock::now();
    for (;;) {
        auto fd = try_connect(port, timeout);
        if (fd || fd.error().sys_errno() == EAFNOSUPPORT)
            return fd;
        const bool no_device = fd.error().sys_errno() == ENODEV;
        if (Clock::now() >= begun + (no_device ? device_patience : timeout))
            return fd;
        std::this_thread::sleep_for(retry_pause);
    }
}

Result<OwnedFd> listen_on(std::uint32_t port) {
    OwnedFd fd = MSB_TRY(vsock_socket());
    const std::uint64_t window = wire::client_window;
    for (const int option : {SO_VM_SOCKETS_BUFFER_MAX_SIZE, SO_VM_SOCKETS_BUFFER_SIZE})
        if (::setsockopt(fd.get(), AF_VSOCK, option, &window, sizeof(window)) == -1)
            return fail_errno("setsockopt(vsock buffer)");
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_ANY;
    address.svm_port = port;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == -1)
        return fail_errno("bind(vsock)", std::to_string(port));
    if (::listen(fd.get(), 128) == -1)
        return fail_errno("listen(vsock)", std::to_string(port));
    return fd;
}

Result<OwnedFd> accept_from_host(int listener) {
    sockaddr_vm peer{};
    socklen_t size = sizeof(peer);
    OwnedFd fd(::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size,
                         SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            return fail_errno("accept4(vsock)");
        return OwnedFd();
    }
    // Only the host may connect: whoever speaks to the agent may run anything as root.
    if (peer.svm_cid != VMADDR_CID_HOST)
        fd.reset();
    return fd;
}

} // namespace msb::agent
