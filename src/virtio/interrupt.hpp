// The device's end of a descriptor that interrupts the driver or carries a message to it.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace msb::virtio {

/// A stream socket, 8 bytes an event. A full one loses nothing: the interrupts in it have not been
/// taken yet.
///
/// An eventfd is refused, because a write to one cannot be kept from blocking. Whether it blocks
/// depends on O_NONBLOCK of the open file description, which the peer shares: it could clear the
/// flag after we have set it and fill the counter, and we would wait for ever. There is no
/// MSG_DONTWAIT for it, and RWF_NOWAIT is refused (eventfds have no write_iter). For a socket the
/// flag is given with each call. User Mode Linux sends sockets, as it needs SIGIO; an engine that
/// wants an irqfd reads the socket and raises it itself.
class Interrupt {
  public:
    Interrupt() = default;
    /// protocol: the descriptor is of another kind.
    static Result<Interrupt> adopt(OwnedFd fd);

    explicit operator bool() const { return static_cast<bool>(fd_); }
    /// One event.
    void raise() const;
    /// Sends a whole message; false if that was not possible.
    bool send(BytesView data) const;

  private:
    OwnedFd fd_;
};

} // namespace msb::virtio
