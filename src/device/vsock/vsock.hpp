// virtio-vsock (virtio 1.2 §5.10), stream sockets, with the host's side as an API instead of a
// socket family: the process that serves the device is the host (CID 2).
//
// Everything runs on the loop's thread. Memory is bounded: per connection buffer_limit bytes in
// each direction (allocated as needed), and max_connections connections. Flow control is the
// protocol's credit alone: a packet from the guest is always taken off the ring at once, so one
// connection whose reader is slow delays no other; a guest that exceeds its credit is reset.
//
// System calls at run time, beside those of VhostUserServer: none.
#pragma once

#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "device/vsock/connection.hpp"
#include "device/vsock/packet.hpp"
#include "virtio/device.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

namespace msb::device {

class Vsock final : public virtio::Device {
  public:
    static constexpr std::uint64_t host_cid = 2;
    static constexpr std::size_t max_connections = 1024;
    static constexpr std::chrono::milliseconds connect_timeout{10'000};
    /// How long Stream::close() tries to deliver what was written.
    static constexpr std::chrono::milliseconds linger{5'000};

    using AcceptHandler = std::function<void(std::shared_ptr<VsockConnection>)>;

    /// `loop` must be the one that serves the device and outlive it. `guest_cid`: at least 3.
    Vsock(EventLoop& loop, std::uint64_t guest_cid);
    /// Ends all connections without calling their handlers: what those refer to may be gone. Not to
    /// be called from a handler.
    ~Vsock() override;

    /// Guest connections to host port `port` are passed to `handler`, already established. Replaces
    /// an earlier handler; an empty one stops listening. Not to be called from that handler.
    void listen(std::uint32_t port, AcceptHandler handler);
    /// Starts to connect to a guest port; on_connected or on_closed follows, never from inside this
    /// call. Before the guest's driver is up the request waits (connect_timeout). nullptr if there
    /// are max_connections already.
    std::shared_ptr<VsockConnection> connect(std::uint32_t guest_port);
    /// Including those that the guest has closed and whose data has not been consumed yet.
    std::size_t connection_count() const { return connections_.size() + draining_.size(); }

    virtio::DeviceId id() const override { return virtio::DeviceId::vsock; }
    std::uint64_t features() const override;
    std::uint16_t queue_count() const override { return 3; }
    void read_config(std::uint32_t offset, MutableBytesView out) override;
    void set_features(std::uint64_t) override {}
    void queue_started(std::uint16_t index, virtio::Queue& queue) override;
    void queue_stopped(std::uint16_t index) override;
    bool queue_kicked(std::uint16_t index) override;
    void reset() override;

  private:
    friend class VsockConnection;
    using Connection = std::shared_ptr<VsockConnection>;
    using Ports = std::pair<std::uint32_t, std::uint32_t>; ///< Host port, guest port.
    /// An answer to a packet that belongs to no connection (§5.10.6.4.1).
    struct Refusal {
        std::uint64_t src_cid;
        std::uint32_t src_port;
        std::uint32_t dst_port;
        std::uint16_t type;
    };

    // From the guest.
    void receive();
    void handle_packet();
    void handle(const VsockHeader& header, virtio::Cursor payload);
    void handle_request(const VsockHeader& header);
    void refuse(const VsockHeader& header);

    // To the guest.
    void schedule(VsockConnection& connection);
    void transmit();
    bool transmit_one();
    void send_refusal();
    bool send_next(VsockConnection& connection);
    void continue_later(bool& scheduled, void (Vsock::*work)());

    // End of a connection, see connection.cpp.
    void forget(VsockConnection& connection);
    void end(const Connection& connection, StreamEnd reason);
    void end_all();
    void send_rst(const VsockConnection& connection);
    std::uint32_t free_local_port(std::uint32_t guest_port);

    EventLoop& loop_;
    std::uint64_t guest_cid_;
    virtio::Queue* rx_ = nullptr; ///< Queue 0: buffers for packets to the guest.
    virtio::Queue* tx_ = nullptr; ///< Queue 1: packets from the guest.
    virtio::Chain chain_;
    std::unordered_map<std::uint32_t, AcceptHandler> listeners_;
    std::map<Ports, Connection> connections_;
    std::set<Connection> draining_; ///< Ended by the guest, not yet read to the end.
    std::deque<Connection> ready_;  ///< Have something to send; served in turn.
    std::deque<Refusal> refusals_;
    std::uint32_t next_port_;
    bool busy_ = false; ///< receive() or transmit() is on the stack.
    bool receive_scheduled_ = false;
    bool transmit_scheduled_ = false;
    bool destroying_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); ///< For posted tasks.
};

} // namespace msb::device
