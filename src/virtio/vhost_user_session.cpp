#include "virtio/vhost_user_session.hpp"

#include "base/log.hpp"
#include "base/system.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::virtio {

using namespace vhost_user;

namespace {

constexpr std::uint64_t offered_protocol_features =
    protocol_mq | protocol_reply_ack | protocol_backend_req | protocol_config | protocol_status;

constexpr std::uint8_t status_needs_reset = 64; // §2.1

std::unexpected<Error> violation(std::string message) {
    return fail(ErrorKind::protocol, std::move(message));
}

/// Checks that a kick descriptor is an eventfd, which all our engines use. It is only waited for,
/// but other kinds could make that expensive: polling an epoll instance walks through everything
/// that the peer has added to it. The check: of the files without a type that an engine can make,
/// only an eventfd can be written to.
Status require_eventfd(const OwnedFd& fd) {
    const bool typeless = (MSB_TRY(sys::fstat(fd.get())).st_mode & S_IFMT) == 0;
    if (!typeless || !MSB_TRY(sys::wait_for(fd.get(), POLLOUT, std::chrono::milliseconds(0))))
        return violation("kick descriptor is not an eventfd");
    return {};
}

bool takes_fds(Request request) {
    switch (request) {
    case Request::set_mem_table:
    case Request::set_vring_kick:
    case Request::set_vring_call:
    case Request::set_vring_err:
    case Request::set_backend_req_fd: return true;
    default: return false;
    }
}

} // namespace

Result<std::unique_ptr<VhostUserSession>>
VhostUserSession::create(EventLoop& loop, OwnedFd socket, Device& device,
                         std::function<void(const Error&)> on_end) {
    const int fd = socket.get();
    std::unique_ptr<VhostUserSession> session(
        new VhostUserSession(loop, std::move(socket), device, std::move(on_end)));
    VhostUserSession* const self = session.get();
    MSB_TRY(loop.watch(fd, EPOLLIN, [self](std::uint32_t) {
        if (const Status status = self->read_messages(); !status) {
            const auto end = self->on_end_; // `self` may be gone when it returns
            end(status.error());
        }
    }));
    return session;
}

VhostUserSession::VhostUserSession(EventLoop& loop, OwnedFd socket, Device& device,
                                   std::function<void(const Error&)> on_end)
    : loop_(loop), socket_(std::move(socket)), device_(device), on_end_(std::move(on_end)),
      rings_(device.queue_count()) {}

VhostUserSession::~VhostUserSession() {
    *alive_ = false;
    loop_.unwatch(socket_.get());
    stop_all();
    device_.reset();
}

Status VhostUserSession::read_messages() {
    // Bounded, so that a flood of messages does not starve the rings on this loop.
    for (int i = 0; i < 16; ++i) {
        std::optional<Message> message = MSB_TRY(reader_.read(socket_.get()));
        if (!message)
            return {};
        MSB_TRY(handle(*message));
    }
    return {};
}

Status VhostUserSession::handle(Message& message) {
    if (!message.fds.empty() && !takes_fds(static_cast<Request>(message.header.request)))
        return violation("descriptors in a message that has none");
    Result<std::optional<Bytes>> answer = dispatch(message);
    const bool wants_ack = (protocol_features_ & protocol_reply_ack) != 0 &&
                           (message.header.flags & flag_need_reply) != 0;
    if (!answer) {
        if (wants_ack)
            (void)send(message.header, encode_u64(1));
        return fail(answer.error());
    }
    if (*answer)
        return send(message.header, **answer);
    if (wants_ack)
        return send(message.header, encode_u64(0));
    return {};
}

Status VhostUserSession::send(const Header& request, BytesView payload) {
    const Bytes data = encode(request.request, flags_version | flag_reply, payload);
    // Answers are small and asked for one at a time: a full socket means the peer does not read.
    const ssize_t sent =
        ::send(socket_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(data.size()))
        return fail(ErrorKind::unreachable, "vhost-user front-end does not take its answers");
    return {};
}

Result<std::optional<Bytes>> VhostUserSession::dispatch(Message& message) {
    const BytesView payload = message.payload;
    switch (static_cast<Request>(message.header.request)) {
    case Request::get_features: return encode_u64(offered_features());
    case Request::get_protocol_features: return encode_u64(offered_protocol_features);
    case Request::get_queue_num: return encode_u64(rings_.size());
    case Request::get_vring_base: return MSB_TRY(get_ring_base(payload));
    case Request::get_config: return MSB_TRY(get_config(payload));
    case Request::get_status: return encode_u64(status_ | (needs_reset_ ? status_needs_reset : 0u));
    case Request::set_features: MSB_TRY(set_features(payload)); break;
    case Request::set_protocol_features: MSB_TRY(set_protocol_features(payload)); break;
    case Request::set_owner: break;
    case Request::reset_owner: disable_all(); break;
    case Request::set_mem_table: MSB_TRY(set_memory(message)); break;
    case Request::set_backend_req_fd: MSB_TRY(set_backend_channel(message)); break;
    case Request::set_config: MSB_TRY(set_config(payload)); break;
    case Request::set_status: MSB_TRY(set_status(payload)); break;
    default: MSB_TRY(dispatch_ring(message)); break;
    }
    return std::nullopt;
}

Status VhostUserSession::dispatch_ring(Message& message) {
    const BytesView payload = message.payload;
    const auto request = static_cast<Request>(message.header.request);
    if (request == Request::set_vring_kick || request == Request::set_vring_call ||
        request == Request::set_vring_err)
        return set_ring_fd(message);
    if (request == Request::set_vring_addr) {
        const VringAddress address = MSB_TRY(parse_vring_address(payload));
        Ring* const ring = MSB_TRY(ring_at(address.index));
        stop_ring(static_cast<std::uint16_t>(address.index));
        ring->address = address;
        return start_ring(static_cast<std::uint16_t>(address.index));
    }
    if (request != Request::set_vring_num && request != Request::set_vring_base &&
        request != Request::set_vring_enable)
        return fail(ErrorKind::protocol,
                    fmt::format("vhost-user request {} is unknown", message.header.request));
    const VringState state = MSB_TRY(parse_vring_state(payload));
    Ring* const ring = MSB_TRY(ring_at(state.index));
    stop_ring(static_cast<std::uint16_t>(state.index));
    if (request == Request::set_vring_num) {
        if (state.value > Queue::max_size)
            return violation("virtqueue is too large");
        ring->size = state.value;
    } else if (request == Request::set_vring_base) {
        ring->next_available = static_cast<std::uint16_t>(state.value);
    } else {
        ring->enabled = state.value != 0;
    }
    return start_ring(static_cast<std::uint16_t>(state.index));
}

std::uint64_t VhostUserSession::offered_features() const {
    return device_.features() | feature_indirect_desc | feature_event_index | feature_version_1 |
           feature_protocol_features;
}

Status VhostUserSession::set_features(BytesView payload) {
    const std::uint64_t features = MSB_TRY(parse_u64(payload));
    if ((features & ~offered_features()) != 0)
        return violation("front-end took features that were not offered");
    stop_all();
    features_ = features;
    device_.set_features(features & device_.features());
    // Without protocol features there is no SET_VRING_ENABLE: rings are enabled from the start.
    for (std::uint16_t i = 0; i < ring_count(); ++i) {
        if ((features & feature_protocol_features) == 0)
            rings_[i].enabled = true;
        MSB_TRY(start_ring(i));
    }
    return {};
}

Status VhostUserSession::set_protocol_features(BytesView payload) {
    const std::uint64_t features = MSB_TRY(parse_u64(payload));
    if ((features & ~offered_protocol_features) != 0)
        return violation("front-end took protocol features that were not offered");
    protocol_features_ = features;
    return {};
}

Status VhostUserSession::set_memory(Message& message) {
    auto regions = MSB_TRY(parse_memory_table(message.payload, std::move(message.fds)));
    stop_all();
    memory_ = GuestMemory();
    memory_ = MSB_TRY(GuestMemory::map(std::move(regions)));
    for (std::uint16_t i = 0; i < ring_count(); ++i)
        MSB_TRY(start_ring(i));
    return {};
}

Status VhostUserSession::set_backend_channel(Message& message) {
    if (message.fds.size() != 1)
        return violation("back-end channel without its descriptor");
    backend_channel_ = MSB_TRY(Interrupt::adopt(std::move(message.fds[0])));
    return {};
}

Status VhostUserSession::set_status(BytesView payload) {
    const std::uint64_t status = MSB_TRY(parse_u64(payload));
    status_ = static_cast<std::uint8_t>(status & ~std::uint64_t{status_needs_reset});
    if (status == 0) { // §2.1.1: writing 0 resets the device
        disable_all();
        needs_reset_ = false;
        device_.reset();
    }
    return {};
}

Result<VhostUserSession::Ring*> VhostUserSession::ring_at(std::uint32_t index) {
    if (index >= rings_.size())
        return violation("virtqueue index out of range");
    return &rings_[index];
}

Status VhostUserSession::set_ring_fd(Message& message) {
    const VringFd target = MSB_TRY(parse_vring_fd(message.payload));
    Ring* const ring = MSB_TRY(ring_at(target.index));
    const auto index = static_cast<std::uint16_t>(target.index);
    if (message.fds.size() != (target.has_fd ? 1u : 0u))
        return violation("virtqueue message with a wrong number of descriptors");
    OwnedFd fd = target.has_fd ? std::move(message.fds[0]) : OwnedFd();
    switch (static_cast<Request>(message.header.request)) {
    case Request::set_vring_kick:
        if (!fd)
            return violation("polled virtqueues are not supported");
        MSB_TRY(require_eventfd(fd));
        stop_ring(index);
        ring->kick = std::move(fd);
        return start_ring(index);
    case Request::set_vring_call:
        ring->queue.set_interrupt(fd ? MSB_TRY(Interrupt::adopt(std::move(fd))) : Interrupt());
        return {};
    default: ring->error = fd ? MSB_TRY(Interrupt::adopt(std::move(fd))) : Interrupt(); return {};
    }
}

Result<Bytes> VhostUserSession::get_ring_base(BytesView payload) {
    const VringState state = MSB_TRY(parse_vring_state(payload));
    Ring* const ring = MSB_TRY(ring_at(state.index));
    stop_ring(static_cast<std::uint16_t>(state.index));
    ring->kick.reset(); // stays stopped until a new kick descriptor comes
    Bytes reply(8);
    store_le(reply, state.index);
    store_le(MutableBytesView(reply).subspan(4), std::uint32_t{ring->next_available});
    return reply;
}

Result<Bytes> VhostUserSession::get_config(BytesView payload) {
    const ConfigAccess access = MSB_TRY(parse_config(payload));
    Bytes reply(payload.begin(), payload.end());
    device_.read_config(access.offset, MutableBytesView(reply).subspan(12));
    return reply;
}

Status VhostUserSession::set_config(BytesView payload) {
    const ConfigAccess access = MSB_TRY(parse_config(payload));
    device_.write_config(access.offset, access.data);
    return {};
}

Status VhostUserSession::start_ring(std::uint16_t index) {
    Ring& ring = rings_[index];
    if (ring.queue.running() || ring.size == 0 || !ring.address || !ring.kick || !ring.enabled ||
        memory_.empty())
        return {};
    const Queue::Config config{.size = static_cast<std::uint16_t>(ring.size),
                               .descriptors = ring.address->descriptors,
                               .available = ring.address->available,
                               .used = ring.address->used,
                               .next_available = ring.next_available,
                               .event_index = (features_ & feature_event_index) != 0,
                               .indirect = (features_ & feature_indirect_desc) != 0};
    MSB_TRY(ring.queue.start(
        memory_, config, [this, index](std::string_view reason) { ring_broken(index, reason); }));
    device_.queue_started(index, ring.queue);
    // Edge-triggered and never read: saves a system call per kick, and a hostile peer that drains
    // the eventfd first cannot make a read block. The first wait also reports earlier kicks.
    Status watched = loop_.watch(ring.kick.get(), EPOLLIN | EPOLLET,
                                 [this, index](std::uint32_t) { kicked(index); });
    if (!watched) {
        stop_ring(index);
        return watched;
    }
    kicked(index); // a restarted ring may hold buffers whose kick is long gone
    return {};
}

void VhostUserSession::kicked(std::uint16_t index) {
    Ring& ring = rings_[index];
    if (ring.posted || !ring.queue.running() || !device_.queue_kicked(index))
        return;
    ring.posted = true;
    loop_.post([this, index, alive = alive_] {
        if (!*alive)
            return;
        rings_[index].posted = false;
        kicked(index);
    });
}

void VhostUserSession::stop_ring(std::uint16_t index) {
    Ring& ring = rings_[index];
    if (!ring.queue.running())
        return;
    loop_.unwatch(ring.kick.get());
    device_.queue_stopped(index);
    ring.next_available = ring.queue.next_available();
    ring.queue.stop();
}

void VhostUserSession::stop_all() {
    for (std::uint16_t i = 0; i < ring_count(); ++i)
        stop_ring(i);
}

void VhostUserSession::disable_all() {
    stop_all();
    for (Ring& ring : rings_)
        ring.enabled = (features_ & feature_protocol_features) == 0;
}

void VhostUserSession::ring_broken(std::uint16_t index, std::string_view reason) {
    log::warn("device {}: virtqueue {} is broken: {}", static_cast<unsigned>(device_.id()), index,
              reason);
    needs_reset_ = true; // §2.1.2
    rings_[index].error.raise();
}

void VhostUserSession::notify_config_change() {
    backend_channel_.send(encode(backend_config_change, flags_version, {}));
}

} // namespace msb::virtio
