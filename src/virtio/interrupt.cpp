#include "virtio/interrupt.hpp"

#include "base/system.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace msb::virtio {

namespace {
constexpr std::uint64_t one = 1;
}

Result<Interrupt> Interrupt::adopt(OwnedFd fd) {
    const struct stat info = MSB_TRY(sys::fstat(fd.get()));
    Interrupt interrupt;
    switch (info.st_mode & S_IFMT) {
    case 0: interrupt.kind_ = Kind::event; break; // anonymous inodes have no file type
    case S_IFIFO: interrupt.kind_ = Kind::pipe; break;
    case S_IFSOCK: interrupt.kind_ = Kind::socket; break;
    default: return fail(ErrorKind::protocol, "interrupt descriptor is of an unusable kind");
    }
    MSB_TRY(sys::set_nonblocking(fd.get()));
    interrupt.fd_ = std::move(fd);
    return interrupt;
}

void Interrupt::raise() const {
    if (!fd_)
        return;
    if (kind_ == Kind::event)
        (void)!::write(fd_.get(), &one, sizeof(one));
    else
        send(object_bytes(one));
}

bool Interrupt::send(BytesView data) const {
    ssize_t sent = -1;
    if (kind_ == Kind::pipe) {
        const iovec piece{const_cast<std::uint8_t*>(data.data()), data.size()};
        sent = ::vmsplice(fd_.get(), &piece, 1, SPLICE_F_NONBLOCK);
    } else if (kind_ == Kind::socket) {
        sent = ::send(fd_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return sent == static_cast<ssize_t>(data.size());
}

} // namespace msb::virtio
