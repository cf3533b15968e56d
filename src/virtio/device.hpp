// What a virtio device implements. It knows queues and guest memory, not who drives it.
#pragma once

#include "base/bytes.hpp"
#include "virtio/queue.hpp"

#include <cstdint>

namespace msb {
class EventLoop;
}

namespace msb::virtio {

// §6 Reserved feature bits; the transport offers them for every device.
constexpr std::uint64_t feature_indirect_desc = std::uint64_t{1} << 28;
constexpr std::uint64_t feature_event_index = std::uint64_t{1} << 29;
constexpr std::uint64_t feature_version_1 = std::uint64_t{1} << 32;

/// Device ids, §5; what `virtio_uml.device=<socket>:<id>` wants.
enum class DeviceId : std::uint32_t { net = 1, block = 2, entropy = 4, vsock = 19, fs = 26 };

/// All members are called on the thread of the event loop that serves the device. None may block
/// for long, and none may keep a Chain when its queue stops.
class Device {
  public:
    virtual ~Device() = default;

    /// The loop that serves it, before anything else.
    virtual void set_loop(EventLoop&) {}
    virtual DeviceId id() const = 0;
    /// Device-specific feature bits (0 to 23).
    virtual std::uint64_t features() const = 0;
    virtual std::uint16_t queue_count() const = 0;

    /// Fills `out` from the configuration space at `offset`; bytes that do not exist read as 0.
    virtual void read_config(std::uint32_t offset, MutableBytesView out) = 0;
    /// Writes that the device does not allow are ignored.
    virtual void write_config(std::uint32_t offset, BytesView data);

    /// The subset of features() that the driver took; before the first queue starts.
    virtual void set_features(std::uint64_t features) = 0;
    /// `queue` is usable until queue_stopped() for the same index.
    virtual void queue_started(std::uint16_t index, Queue& queue) = 0;
    virtual void queue_stopped(std::uint16_t index) = 0;
    /// The driver kicked: there may be something to pop. Spurious calls are normal. True: there is
    /// more to do, and the device wants to be called again after other events had their turn.
    virtual bool queue_kicked(std::uint16_t index) = 0;
    /// Called when the front-end has gone or reset the device. All queues have been stopped.
    virtual void reset() = 0;
};

inline void Device::write_config(std::uint32_t, BytesView) {}

/// Serves read_config() from the bytes of a configuration structure.
inline void copy_config(BytesView config, std::uint32_t offset, MutableBytesView out) {
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = offset + i < config.size() ? config[offset + i] : std::uint8_t{0};
}

} // namespace msb::virtio
