// The device's end of a descriptor that interrupts the driver or carries a message to it.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace msb::virtio {

/// An eventfd (KVM's irqfd), the write end of a pipe (User Mode Linux, which needs SIGIO), or a
/// stream socket.
///
/// The descriptor's file status flags are shared with a hostile peer, so O_NONBLOCK alone does not
/// keep a write from blocking: pipes are written with vmsplice(2) and sockets with send(2), which
/// take "do not block" per call. An eventfd blocks only after 2^64 - 2 unread events; there
/// O_NONBLOCK has to do. A full pipe loses nothing: the interrupts in it have not been taken yet.
/// The process must ignore SIGPIPE.
class Interrupt {
  public:
    Interrupt() = default;
    /// protocol: the descriptor is of another kind.
    static Result<Interrupt> adopt(OwnedFd fd);

    explicit operator bool() const { return static_cast<bool>(fd_); }
    /// One event: adds 1 to an eventfd, writes 8 bytes into a pipe or socket. Never blocks.
    void raise() const;
    /// Writes a whole message into a pipe or socket; false if that was not possible. `data` must
    /// never change or go away: a pipe refers to its page until it is read.
    bool send(BytesView data) const;

  private:
    enum class Kind { event, pipe, socket };
    OwnedFd fd_;
    Kind kind_ = Kind::event;
};

} // namespace msb::virtio
