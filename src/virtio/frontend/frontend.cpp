#include "virtio/frontend/frontend.hpp"

#include "base/system.hpp"
#include "virtio/device.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>

namespace msb::virtio {

using namespace vhost_user;

namespace {

/// What we make use of where it is offered. Without CONFIG there is no device to show to a guest.
constexpr std::uint64_t wanted_protocol_features =
    protocol_mq | protocol_reply_ack | protocol_backend_req | protocol_config | protocol_status;

std::unexpected<Error> broken(std::string what) {
    return fail(ErrorKind::protocol, "vhost-user back-end: " + std::move(what));
}

Bytes encode_state(std::uint32_t index, std::uint32_t value) {
    return encode_u64(std::uint64_t{value} << 32 | index);
}

/// VhostUserConfig: offset, size, flags, and the bytes.
Bytes encode_config(std::uint32_t offset, BytesView data) {
    Bytes out(12 + data.size());
    store_le(out, offset);
    store_le(MutableBytesView(out).subspan(4), static_cast<std::uint32_t>(data.size()));
    std::ranges::copy(data, out.begin() + 12);
    return out;
}

Bytes encode_addresses(const RingSetup& ring) {
    Bytes out(40); // index, flags, descriptors, used, available, log
    store_le(out, std::uint32_t{ring.index});
    store_le(MutableBytesView(out).subspan(8), ring.descriptors);
    store_le(MutableBytesView(out).subspan(16), ring.used);
    store_le(MutableBytesView(out).subspan(24), ring.available);
    return out;
}

/// Fills `control` with the descriptors of one message.
void attach(msghdr& header, std::span<char> control, std::span<const int> fds) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
}

} // namespace

Result<std::unique_ptr<Frontend>> Frontend::create(OwnedFd socket, int memory,
                                                   std::span<const RamRange> ranges) {
    std::unique_ptr<Frontend> frontend(new Frontend(std::move(socket)));
    MSB_TRY(frontend->negotiate());
    MSB_TRY(frontend->share_memory(memory, ranges));
    MSB_TRY(frontend->make_channels());
    return frontend;
}

Status Frontend::negotiate() {
    const std::uint64_t offered = MSB_TRY(ask_u64(Request::get_features));
    if ((offered & feature_protocol_features) == 0 || (offered & feature_version_1) == 0)
        return broken("is too old");
    features_ = offered & ~feature_protocol_features;
    protocol_features_ =
        MSB_TRY(ask_u64(Request::get_protocol_features)) & wanted_protocol_features;
    if ((protocol_features_ & protocol_config) == 0)
        return broken("does not show its device's configuration");
    MSB_TRY(tell(Request::set_protocol_features, encode_u64(protocol_features_)));
    protocol_ready_ = (protocol_features_ & protocol_reply_ack) != 0;
    MSB_TRY(tell(Request::set_owner));
    if ((protocol_features_ & protocol_mq) != 0) {
        const std::uint64_t count = MSB_TRY(ask_u64(Request::get_queue_num));
        if (count == 0)
            return broken("has no queue");
        queue_count_ = static_cast<std::uint16_t>(std::min<std::uint64_t>(count, most_queues));
    }
    return {};
}

Status Frontend::share_memory(int memory, std::span<const RamRange> ranges) {
    if (ranges.empty() || ranges.size() > max_fds)
        return fail(ErrorKind::invalid_argument, "guest RAM in no or too many pieces");
    Bytes table(8 + ranges.size() * 32); // count, padding, then the regions
    store_le(table, static_cast<std::uint32_t>(ranges.size()));
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const MutableBytesView at = MutableBytesView(table).subspan(8 + i * 32, 32);
        store_le(at, ranges[i].guest_address);
        store_le(at.subspan(8), ranges[i].size);
        store_le(at.subspan(16), ranges[i].guest_address); // "our" address: the guest's
        store_le(at.subspan(24), ranges[i].file_offset);
    }
    const std::vector<int> fds(ranges.size(), memory);
    return tell(Request::set_mem_table, table, fds);
}

Status Frontend::make_channels() {
    for (std::uint16_t i = 0; i < queue_count_; ++i)
        kicks_.push_back(MSB_TRY(sys::event_fd()));
    auto call = MSB_TRY(sys::socket_pair(SOCK_STREAM));
    call_ = std::move(call[0]);
    call_of_backend_ = std::move(call[1]);
    if ((protocol_features_ & protocol_backend_req) == 0)
        return {};
    auto channel = MSB_TRY(sys::socket_pair(SOCK_STREAM));
    notices_ = std::move(channel[0]);
    const int theirs = channel[1].get();
    return tell(Request::set_backend_req_fd, {}, {&theirs, 1});
}

Status Frontend::read_config(MutableBytesView out) {
    const Bytes answer = MSB_TRY(ask(Request::get_config, encode_config(0, out)));
    // A back-end that cannot answers with nothing.
    if (answer.size() != 12 + out.size())
        return broken("configuration of a wrong size");
    std::ranges::copy(BytesView(answer).subspan(12), out.begin());
    return {};
}

Status Frontend::write_config(std::uint32_t offset, BytesView data) {
    return tell(Request::set_config, encode_config(offset, data));
}

Status Frontend::start(std::uint64_t features, std::span<const RingSetup> rings) {
    MSB_TRY(tell(Request::set_features,
                 encode_u64((features & features_) | feature_protocol_features)));
    for (const RingSetup& ring : rings)
        MSB_TRY(start_ring(ring));
    if ((protocol_features_ & protocol_status) != 0) {
        // ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK: virtio 1.2 §2.1
        constexpr std::uint64_t driver_ok = 1 | 2 | 8 | 4;
        MSB_TRY(tell(Request::set_status, encode_u64(driver_ok)));
    }
    return {};
}

Status Frontend::start_ring(const RingSetup& ring) {
    if (ring.index >= queue_count_)
        return fail(ErrorKind::invalid_argument, "no such virtqueue");
    const int kick = kicks_[ring.index].get(), call = call_of_backend_.get();
    MSB_TRY(tell(Request::set_vring_num, encode_state(ring.index, ring.size)));
    MSB_TRY(tell(Request::set_vring_base, encode_state(ring.index, 0)));
    MSB_TRY(tell(Request::set_vring_addr, encode_addresses(ring)));
    MSB_TRY(tell(Request::set_vring_call, encode_u64(ring.index), {&call, 1}));
    MSB_TRY(tell(Request::set_vring_kick, encode_u64(ring.index), {&kick, 1}));
    started_.push_back(ring.index);
    return tell(Request::set_vring_enable, encode_state(ring.index, 1));
}

Status Frontend::reset() {
    for (const std::uint16_t index : started_)
        MSB_TRY(ask(Request::get_vring_base, encode_state(index, 0))); // which stops the ring
    started_.clear();
    if ((protocol_features_ & protocol_status) != 0)
        return tell(Request::set_status, encode_u64(0));
    return {};
}

void Frontend::take_interrupts() const {
    std::array<std::uint8_t, 512> bytes;
    // Once: what a back-end sends without end must not keep us here.
    (void)::recv(call_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
}

Result<bool> Frontend::take_notice() {
    const std::optional<Message> message = MSB_TRY(notes_.read(notices_.get()));
    return message && message->header.request == backend_config_change;
}

Status Frontend::send(Request request, std::uint32_t flags, BytesView payload,
                      std::span<const int> fds) {
    Bytes data = encode(static_cast<std::uint32_t>(request), flags_version | flags, payload);
    iovec piece{data.data(), data.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_fds)> control{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    if (!fds.empty())
        attach(header, control, fds);
    // One request is under way at a time: a socket without room means that nobody reads it.
    const ssize_t sent = ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(data.size()))
        return fail(ErrorKind::unreachable, "vhost-user back-end does not take its requests");
    return {};
}

Result<Message> Frontend::receive(Request request) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        if (std::optional<Message> message = MSB_TRY(answers_.read(socket_.get()))) {
            if (message->header.request != static_cast<std::uint32_t>(request))
                return broken(fmt::format("answer to request {} in the place of one to {}",
                                          message->header.request,
                                          static_cast<std::uint32_t>(request)));
            return std::move(*message);
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0 || !MSB_TRY(sys::wait_for(socket_.get(), POLLIN, left)))
            return fail(ErrorKind::timed_out, "vhost-user back-end does not answer");
    }
}

Result<Bytes> Frontend::ask(Request request, BytesView payload) {
    MSB_TRY(send(request, 0, payload, {}));
    return MSB_TRY(receive(request)).payload;
}

Result<std::uint64_t> Frontend::ask_u64(Request request) {
    return parse_u64(MSB_TRY(ask(request)));
}

Status Frontend::tell(Request request, BytesView payload, std::span<const int> fds) {
    MSB_TRY(send(request, protocol_ready_ ? flag_need_reply : 0, payload, fds));
    if (!protocol_ready_)
        return {};
    if (MSB_TRY(parse_u64(MSB_TRY(receive(request)).payload)) != 0)
        return broken(fmt::format("refuses request {}", static_cast<std::uint32_t>(request)));
    return {};
}

} // namespace msb::virtio
