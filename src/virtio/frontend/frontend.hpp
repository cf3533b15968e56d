// The front-end's half of vhost-user: a device that another process serves, for an engine that gives
// it to its guest.
//
// Guest RAM is one file. The address space that the protocol calls the front-end's is announced as
// the guest's own, so an address that the driver wrote goes to the back-end as it is, and the
// back-end judges it against the regions.
//
// Kicks are eventfds that the engine lets the guest raise by itself. Interrupts are bytes in one
// socket for all queues of the device (virtio/interrupt.hpp says why not an eventfd).
//
// A back-end is another confined process, and not trusted: every answer has a deadline, a size and a
// request it belongs to; a back-end that breaks the protocol is not asked again.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "virtio/vhost_user_message.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace msb::virtio {

/// A stretch of guest RAM in the file that holds it.
struct RamRange {
    std::uint64_t guest_address = 0;
    std::uint64_t size = 0;
    std::uint64_t file_offset = 0;
};

/// A virtqueue as the driver has set it up. Guest-physical addresses, not checked.
struct RingSetup {
    std::uint16_t index = 0;
    std::uint16_t size = 0;
    std::uint64_t descriptors = 0;
    std::uint64_t available = 0;
    std::uint64_t used = 0;
};

/// A device of another process, as a transport needs it. An error means that the device is lost.
class Backend {
  public:
    virtual ~Backend() = default;
    /// Feature bits of the device and of its rings.
    virtual std::uint64_t features() const = 0;
    virtual std::uint16_t queue_count() const = 0;
    /// The first bytes of the configuration space.
    virtual Status read_config(MutableBytesView out) = 0;
    virtual Status write_config(std::uint32_t offset, BytesView data) = 0;
    /// Starts the rings, all others stay stopped. `features` is a subset of features().
    virtual Status start(std::uint64_t features, std::span<const RingSetup> rings) = 0;
    /// Stops them and resets the device. When it has returned, no ring is touched any more.
    virtual Status reset() = 0;
};

class Frontend final : public Backend {
  public:
    /// How long a back-end may take to answer: it may have to wait for a disk.
    static constexpr std::chrono::seconds patience{10};
    /// More queues than any device here has.
    static constexpr std::uint16_t most_queues = 16;

    /// `socket` is connected to the back-end. Negotiates, and hands over the memory.
    static Result<std::unique_ptr<Frontend>> create(OwnedFd socket, int memory,
                                                    std::span<const RamRange> ranges);

    std::uint64_t features() const override { return features_; }
    std::uint16_t queue_count() const override { return queue_count_; }
    Status read_config(MutableBytesView out) override;
    Status write_config(std::uint32_t offset, BytesView data) override;
    Status start(std::uint64_t features, std::span<const RingSetup> rings) override;
    Status reset() override;

    /// Raised by the driver's kick: what an ioeventfd is to be registered for.
    int kick(std::uint16_t index) const { return kicks_[index].get(); }

    /// To be watched: hangs up when the back-end has gone.
    int connection() const { return socket_.get(); }
    /// Readable when the device interrupts; take_interrupts() empties it.
    int interrupts() const { return call_.get(); }
    void take_interrupts() const;
    /// Readable when the back-end says something; true: that its configuration has changed.
    int notices() const { return notices_.get(); }
    Result<bool> take_notice();

  private:
    explicit Frontend(OwnedFd socket) : socket_(std::move(socket)) {}
    Status negotiate();
    Status share_memory(int memory, std::span<const RamRange> ranges);
    Status make_channels();
    Status start_ring(const RingSetup& ring);

    Status send(vhost_user::Request request, std::uint32_t flags, BytesView payload,
                std::span<const int> fds);
    Result<vhost_user::Message> receive(vhost_user::Request request);
    Result<Bytes> ask(vhost_user::Request request, BytesView payload = {});
    Result<std::uint64_t> ask_u64(vhost_user::Request request);
    /// Waits for the back-end's agreement, where it gives one.
    Status tell(vhost_user::Request request, BytesView payload = {}, std::span<const int> fds = {});

    OwnedFd socket_;
    vhost_user::MessageReader answers_{vhost_user::Sender::back_end_answering};
    vhost_user::MessageReader notes_{vhost_user::Sender::back_end_asking};
    std::uint64_t features_ = 0;
    std::uint64_t protocol_features_ = 0;
    bool protocol_ready_ = false; ///< The back-end agrees to each message (REPLY_ACK).
    std::uint16_t queue_count_ = 1;
    std::vector<OwnedFd> kicks_;
    std::vector<std::uint16_t> started_;
    OwnedFd call_;            ///< our end
    OwnedFd call_of_backend_; ///< what it gets, once for each ring
    OwnedFd notices_;
};

} // namespace msb::virtio
