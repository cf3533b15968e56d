// The vhost-user back-end: gives a Device to whichever front-end (engine) connects to a socket.
//
// The front-end is an engine process that the guest may have taken over, so nothing it sends is
// trusted. A message that breaks the protocol closes the connection: rings stop, memory is
// unmapped, descriptors are closed, the device is reset, and the next front-end may connect.
//
// Nothing here blocks on what the front-end shares with us: every send and receive says
// MSG_DONTWAIT, kicks (eventfds) are only waited for, interrupts are sockets (interrupt.hpp).
//
// Offered: VERSION_1, INDIRECT_DESC, EVENT_IDX, and the protocol features MQ, REPLY_ACK,
// BACKEND_REQ (configuration change messages), CONFIG and STATUS. Not offered: in-band
// notifications (needed by UML only for time travel), dirty logging, IOTLB.
//
// System calls after set-up, for the seccomp list of a process that serves devices: accept4,
// recvmsg, close, fstat, poll, mmap, munmap, rt_sigreturn, sendto, epoll_ctl and those of
// EventLoop.
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "virtio/device.hpp"

#include <memory>

namespace msb::virtio {

class VhostUserSession;

class VhostUserServer {
  public:
    /// Serves one front-end at a time on `loop`. `listen_fd` is a listening stream socket. `device`
    /// and `loop` must outlive the server.
    static Result<std::unique_ptr<VhostUserServer>> create(EventLoop& loop, OwnedFd listen_fd,
                                                           Device& device);
    /// Resets the device if a front-end is connected.
    ~VhostUserServer();
    VhostUserServer(const VhostUserServer&) = delete;
    VhostUserServer& operator=(const VhostUserServer&) = delete;

    /// Tells the driver that the configuration space changed (§2.5), if a front-end is connected
    /// and gave a channel for it.
    void notify_config_change();
    bool connected() const { return session_ != nullptr; }
    /// Bytes of the host's that are behind the guest's memory; 0: not known.
    std::uint64_t guest_memory_allocated() const;

  private:
    VhostUserServer(EventLoop& loop, OwnedFd listen_fd, Device& device);
    Status watch_listener();
    void accept_one();
    void drop(const Error& reason);

    EventLoop& loop_;
    OwnedFd listen_fd_;
    Device& device_;
    std::unique_ptr<VhostUserSession> session_;
    EventLoop::TimerId retry_ = 0;
    unsigned complaints_left_ = 16; ///< A hostile front-end must not fill the log.
};

} // namespace msb::virtio
