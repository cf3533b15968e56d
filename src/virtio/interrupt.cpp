#include "virtio/interrupt.hpp"

#include "base/system.hpp"

#include <sys/socket.h>

namespace msb::virtio {

namespace {
constexpr std::uint64_t one = 1;
}

Result<Interrupt> Interrupt::adopt(OwnedFd fd) {
    if (!S_ISSOCK(MSB_TRY(sys::fstat(fd.get())).st_mode))
        return fail(ErrorKind::protocol, "interrupt descriptor is not a socket");
    Interrupt interrupt;
    interrupt.fd_ = std::move(fd);
    return interrupt;
}

void Interrupt::raise() const {
    send(object_bytes(one));
}

bool Interrupt::send(BytesView data) const {
    return fd_ && ::send(fd_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
                      static_cast<ssize_t>(data.size());
}

} // namespace msb::virtio
