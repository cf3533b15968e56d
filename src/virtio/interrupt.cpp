#include "virtio/interrupt.hpp"

#include "base/system.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace msb::virtio {

namespace {
constexpr std::uint64_t one = 1;
}

Result<Interrupt> Interrupt::adopt(OwnedFd fd) {
    const struct stat info = MSB_TRY(sys::fstat(fd.get()));
    Interrupt interrupt;
    interrupt.socket_ = S_ISSOCK(info.st_mode);
    // Anonymous inodes, of which an eventfd is one, have no file type.
    if (!interrupt.socket_ && (info.st_mode & S_IFMT) != 0)
        return fail(ErrorKind::protocol, "interrupt descriptor is neither an eventfd nor a socket");
    MSB_TRY(sys::set_nonblocking(fd.get()));
    interrupt.fd_ = std::move(fd);
    return interrupt;
}

void Interrupt::raise() const {
    if (!fd_)
        return;
    if (socket_)
        send(object_bytes(one));
    else
        (void)!::write(fd_.get(), &one, sizeof(one));
}

bool Interrupt::send(BytesView data) const {
    return socket_ && ::send(fd_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
                          static_cast<ssize_t>(data.size());
}

} // namespace msb::virtio
