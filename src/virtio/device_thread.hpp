// A device served on a thread of its own, so that its work never delays another device.
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "virtio/device.hpp"

#include <memory>
#include <thread>

namespace msb::virtio {

class VhostUserServer;

/// Start it before the process confines itself: the thread exists from then on and none is created
/// later (clone3 need not be allowed), and Landlock and seccomp rules must be applied to all
/// threads (SECCOMP_FILTER_FLAG_TSYNC) or inside each one.
class DeviceThread {
  public:
    /// `device` must outlive this object; from now on only the thread calls it.
    static Result<std::unique_ptr<DeviceThread>> start(OwnedFd listen_fd, Device& device,
                                                       const std::string& thread_name);
    /// Stops serving, resets the device and joins.
    ~DeviceThread();
    DeviceThread(const DeviceThread&) = delete;
    DeviceThread& operator=(const DeviceThread&) = delete;

    /// For post(): the device's other members may only be called there.
    EventLoop& loop() { return *loop_; }
    /// Has `change` change the device's configuration, there, and then tells the driver.
    void change_config(EventLoop::Task change);

  private:
    DeviceThread() = default;

    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<VhostUserServer> server_;
    std::thread thread_;
};

} // namespace msb::virtio
