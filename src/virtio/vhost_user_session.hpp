// One connected vhost-user front-end: its negotiated state, memory and rings.
#pragma once

#include "base/event_loop.hpp"
#include "virtio/device.hpp"
#include "virtio/vhost_user_message.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace msb::virtio {

class VhostUserSession {
  public:
    /// `on_end` is called once, when the peer has closed (`unreachable`) or must be dropped; it may
    /// destroy the session.
    static Result<std::unique_ptr<VhostUserSession>>
    create(EventLoop& loop, OwnedFd socket, Device& device,
           std::function<void(const Error&)> on_end);
    /// Stops the rings and resets the device.
    ~VhostUserSession();
    VhostUserSession(const VhostUserSession&) = delete;
    VhostUserSession& operator=(const VhostUserSession&) = delete;

    void notify_config_change();
    const GuestMemory& memory() const { return memory_; }

  private:
    /// Runs when size, addresses and kick are known and it is enabled; any change stops it first.
    struct Ring {
        std::uint32_t size = 0;
        std::optional<vhost_user::VringAddress> address;
        std::uint16_t next_available = 0;
        bool enabled = false;
        bool posted = false; ///< kicked() will run again by itself.
        OwnedFd kick;
        Interrupt error;
        Queue queue;
    };

    VhostUserSession(EventLoop& loop, OwnedFd socket, Device& device,
                     std::function<void(const Error&)> on_end);
    Status read_messages();
    Status handle(vhost_user::Message& message);
    /// The payload of the answer; nothing if the request has none of its own.
    Result<std::optional<Bytes>> dispatch(vhost_user::Message& message);
    Status dispatch_ring(vhost_user::Message& message);
    Status send(const vhost_user::Header& request, BytesView payload);

    Status set_features(BytesView payload);
    Status set_protocol_features(BytesView payload);
    Status set_memory(vhost_user::Message& message);
    Status set_backend_channel(vhost_user::Message& message);
    Status set_ring_fd(vhost_user::Message& message);
    Status set_status(BytesView payload);
    Result<Bytes> get_ring_base(BytesView payload);
    Result<Bytes> get_config(BytesView payload);
    Status set_config(BytesView payload);

    Result<Ring*> ring_at(std::uint32_t index);
    /// A device has at most 65535 queues: virtio numbers them with 16 bits.
    std::uint16_t ring_count() const { return static_cast<std::uint16_t>(rings_.size()); }
    Status start_ring(std::uint16_t index);
    void stop_ring(std::uint16_t index);
    void kicked(std::uint16_t index);
    void stop_all();
    void disable_all();
    void ring_broken(std::uint16_t index, std::string_view reason);
    std::uint64_t offered_features() const;

    EventLoop& loop_;
    OwnedFd socket_;
    Device& device_;
    std::function<void(const Error&)> on_end_;
    vhost_user::MessageReader reader_;
    std::uint64_t features_ = 0;
    std::uint64_t protocol_features_ = 0;
    std::uint8_t status_ = 0; ///< Device status field (§2.1), as SET_STATUS wrote it.
    bool needs_reset_ = false;
    GuestMemory memory_;
    std::vector<Ring> rings_; ///< Never resized: queues and handlers refer to elements.
    Interrupt backend_channel_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); ///< For posted tasks.
};

} // namespace msb::virtio
