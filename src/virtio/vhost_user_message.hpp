// vhost-user messages (QEMU's docs/interop/vhost-user.rst): layout, and reading them from a socket.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "virtio/guest_memory.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace msb::virtio::vhost_user {

enum class Request : std::uint32_t {
    get_features = 1,
    set_features = 2,
    set_owner = 3,
    reset_owner = 4,
    set_mem_table = 5,
    set_vring_num = 8,
    set_vring_addr = 9,
    set_vring_base = 10,
    get_vring_base = 11,
    set_vring_kick = 12,
    set_vring_call = 13,
    set_vring_err = 14,
    get_protocol_features = 15,
    set_protocol_features = 16,
    get_queue_num = 17,
    set_vring_enable = 18,
    set_backend_req_fd = 21,
    get_config = 24,
    set_config = 25,
    set_status = 39,
    get_status = 40,
};
/// The only request this back-end makes of a front-end (on the back-end channel).
constexpr std::uint32_t backend_config_change = 2;

constexpr std::uint32_t flags_version = 1;
constexpr std::uint32_t flags_version_mask = 3;
constexpr std::uint32_t flag_reply = 1 << 2;
constexpr std::uint32_t flag_need_reply = 1 << 3;

/// Feature bit (beside virtio's own) that says "protocol features can be negotiated".
constexpr std::uint64_t feature_protocol_features = std::uint64_t{1} << 30;
constexpr std::uint64_t protocol_mq = std::uint64_t{1} << 0;
constexpr std::uint64_t protocol_reply_ack = std::uint64_t{1} << 3;
constexpr std::uint64_t protocol_backend_req = std::uint64_t{1} << 5;
constexpr std::uint64_t protocol_config = std::uint64_t{1} << 9;
constexpr std::uint64_t protocol_status = std::uint64_t{1} << 16;

constexpr std::size_t header_size = 12;
/// Larger than every message we know; a front-end that announces more is broken.
constexpr std::size_t max_payload = 512;
constexpr std::size_t max_fds = GuestMemory::max_regions;

struct Header {
    std::uint32_t request = 0;
    std::uint32_t flags = 0;
    std::uint32_t size = 0; ///< Of the payload.
};

struct Message {
    Header header;
    Bytes payload;
    std::vector<OwnedFd> fds;
};

struct VringState {
    std::uint32_t index = 0;
    std::uint32_t value = 0;
};
struct VringAddress {
    std::uint32_t index = 0;
    std::uint64_t descriptors = 0;
    std::uint64_t used = 0;
    std::uint64_t available = 0;
};
/// SET_VRING_KICK, _CALL and _ERR: `has_fd` says whether a descriptor must come with it.
struct VringFd {
    std::uint32_t index = 0;
    bool has_fd = false;
};
struct ConfigAccess {
    std::uint32_t offset = 0;
    BytesView data; ///< GET_CONFIG: only its size counts.
};

/// Each wants the exact size its message has; ErrorKind::protocol otherwise.
Result<std::uint64_t> parse_u64(BytesView payload);
Result<VringState> parse_vring_state(BytesView payload);
Result<VringAddress> parse_vring_address(BytesView payload);
Result<VringFd> parse_vring_fd(BytesView payload);
Result<ConfigAccess> parse_config(BytesView payload);
/// Takes the descriptors, one per region.
Result<std::vector<MemoryRegion>> parse_memory_table(BytesView payload, std::vector<OwnedFd> fds);

/// Header and payload of a message, ready to be sent.
Bytes encode(std::uint32_t request, std::uint32_t flags, BytesView payload);
Bytes encode_u64(std::uint64_t value);

/// Who writes what is read: an answer is marked as one, a request must not be.
enum class Sender { front_end, back_end_answering, back_end_asking };

/// Assembles messages from a stream socket, with the descriptors that came along.
class MessageReader {
  public:
    explicit MessageReader(Sender sender = Sender::front_end) : sender_(sender) {}

    /// A message, or nothing when the socket has no more for now. Errors: `unreachable` if the peer
    /// closed, `protocol` for a size, version or number of descriptors that cannot be.
    Result<std::optional<Message>> read(int socket);

  private:
    Result<bool> fill(int socket, std::size_t target);

    Sender sender_;
    std::array<std::uint8_t, header_size + max_payload> buffer_{};
    std::size_t filled_ = 0;
    std::vector<OwnedFd> fds_;
};

} // namespace msb::virtio::vhost_user
