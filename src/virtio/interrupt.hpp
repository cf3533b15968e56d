// The device's end of a descriptor that interrupts the driver or carries a message to it.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace msb::virtio {

/// An eventfd (KVM's irqfd) or a stream socket (User Mode Linux, which needs SIGIO).
///
/// Neither write can block: a socket is told so per call, because its O_NONBLOCK flag is shared
/// with a hostile peer. An eventfd blocks only after 2^64 - 2 unread events; O_NONBLOCK has to do
/// there. A full socket loses nothing: the interrupts in it have not been taken yet.
class Interrupt {
  public:
    Interrupt() = default;
    /// protocol: the descriptor is of another kind.
    static Result<Interrupt> adopt(OwnedFd fd);

    explicit operator bool() const { return static_cast<bool>(fd_); }
    /// One event: adds 1 to an eventfd, writes 8 bytes into a socket.
    void raise() const;
    /// Writes a whole message into a socket; false if that was not possible.
    bool send(BytesView data) const;

  private:
    OwnedFd fd_;
    bool socket_ = false;
};

} // namespace msb::virtio
