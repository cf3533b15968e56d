#include "virtio/device_thread.hpp"

#include "base/log.hpp"
#include "virtio/vhost_user_server.hpp"

#include <csignal>
#include <pthread.h>
#include <system_error>

namespace msb::virtio {

namespace {

/// Signals are the main thread's business; SIGBUS must reach the thread that caused it.
sigset_t all_but_faults() {
    sigset_t set;
    ::sigfillset(&set);
    for (const int fault : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT})
        ::sigdelset(&set, fault);
    return set;
}

} // namespace

Result<std::unique_ptr<DeviceThread>> DeviceThread::start(OwnedFd listen_fd, Device& device,
                                                          const std::string& thread_name) {
    std::unique_ptr<DeviceThread> host(new DeviceThread());
    host->loop_ = MSB_TRY(EventLoop::create());
    host->server_ = MSB_TRY(VhostUserServer::create(*host->loop_, std::move(listen_fd), device));
    const sigset_t blocked = all_but_faults();
    sigset_t before;
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    try {
        host->thread_ = std::thread([loop = host->loop_.get(), name = thread_name.substr(0, 15)] {
            ::pthread_setname_np(::pthread_self(), name.c_str());
            if (auto status = loop->run(); !status)
                log::error("device thread {}: {}", name, status.error().to_string());
        });
    } catch (const std::system_error& error) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return fail(Error::from_errno(error.code().value(), "pthread_create", thread_name));
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return host;
}

void DeviceThread::change_config(EventLoop::Task change) {
    loop_->post([server = server_.get(), change = std::move(change)] {
        change();
        server->notify_config_change();
    });
}

DeviceThread::~DeviceThread() {
    if (thread_.joinable()) {
        loop_->stop();
        thread_.join();
    }
    server_.reset(); // on this thread, which is now the only one
}

} // namespace msb::virtio
