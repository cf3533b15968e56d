#include "virtio/vhost_user_server.hpp"

#include "base/log.hpp"
#include "virtio/vhost_user_session.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::virtio {

Result<std::unique_ptr<VhostUserServer>> VhostUserServer::create(EventLoop& loop, OwnedFd listen_fd,
                                                                 Device& device) {
    std::unique_ptr<VhostUserServer> server(
        new VhostUserServer(loop, std::move(listen_fd), device));
    device.set_loop(loop);
    install_fault_guard(); // before the process confines itself
    MSB_TRY(server->watch_listener());
    return server;
}

VhostUserServer::VhostUserServer(EventLoop& loop, OwnedFd listen_fd, Device& device)
    : loop_(loop), listen_fd_(std::move(listen_fd)), device_(device) {}

VhostUserServer::~VhostUserServer() {
    session_.reset();
    loop_.cancel(retry_);
    loop_.unwatch(listen_fd_.get());
}

Status VhostUserServer::watch_listener() {
    return loop_.watch(listen_fd_.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); });
}

void VhostUserServer::accept_one() {
    OwnedFd fd(::accept4(listen_fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return;
    // While a front-end is served, others wait in the backlog.
    loop_.unwatch(listen_fd_.get());
    auto session = fd ? VhostUserSession::create(loop_, std::move(fd), device_,
                                                 [this](const Error& reason) { drop(reason); })
                      : Result<std::unique_ptr<VhostUserSession>>(fail_errno("accept4"));
    if (session)
        session_ = std::move(*session);
    else
        drop(session.error());
}

void VhostUserServer::drop(const Error& reason) {
    session_.reset();
    if (reason.kind() != ErrorKind::unreachable && complaints_left_ > 0) {
        --complaints_left_;
        log::warn("device {}: front-end dropped: {}", static_cast<unsigned>(device_.id()),
                  reason.to_string());
    }
    // A pause, so that neither a lack of descriptors nor a peer that connects in a loop spins.
    retry_ = loop_.after(std::chrono::milliseconds(10), [this] {
        if (auto status = watch_listener(); !status)
            log::error("device {}: {}", static_cast<unsigned>(device_.id()),
                       status.error().to_string());
    });
}

void VhostUserServer::notify_config_change() {
    if (session_)
        session_->notify_config_change();
}

std::uint64_t VhostUserServer::guest_memory_allocated() const {
    return session_ ? session_->memory().allocated() : 0;
}

} // namespace msb::virtio
