#include "device/net/net.hpp"

#include <algorithm>
#include <cstring>

namespace msb::device {

namespace {

constexpr std::uint16_t queue_rx = 0, queue_tx = 1; // §5.1.2

// §5.1.3
constexpr std::uint64_t bit(unsigned number) {
    return std::uint64_t{1} << number;
}
constexpr std::uint64_t feature_csum = bit(0), feature_guest_csum = bit(1), feature_mtu = bit(3),
                        feature_mac = bit(5), feature_guest_tso4 = bit(7),
                        feature_guest_tso6 = bit(8), feature_host_tso4 = bit(11),
                        feature_host_tso6 = bit(12), feature_mergeable = bit(15),
                        feature_status = bit(16);
constexpr std::uint16_t status_link_up = 1; // §5.1.4

// §5.1.6: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, num_buffers.
constexpr std::size_t header_size = 12;
constexpr std::uint8_t flag_needs_csum = 1, flag_data_valid = 2;
constexpr std::uint8_t gso_tcp4 = 1, gso_tcp6 = 4;

/// Frames of the guest that are handled before other work of the loop gets a turn.
constexpr int round_budget = 128;
/// Pieces of one frame to the guest. A driver that offers smaller ones than this needs gets no
/// large frames.
constexpr std::size_t most_buffers = 64;

/// §5.1.4
struct Space {
    std::array<std::uint8_t, 6> mac;
    std::uint16_t status;
    std::uint16_t max_virtqueue_pairs;
    std::uint16_t mtu;
};
static_assert(sizeof(Space) == 12);

} // namespace

std::uint64_t Net::features() const {
    return feature_csum | feature_guest_csum | feature_mtu | feature_mac | feature_guest_tso4 |
           feature_guest_tso6 | feature_host_tso4 | feature_host_tso6 | feature_mergeable |
           feature_status;
}

void Net::read_config(std::uint32_t offset, MutableBytesView out) {
    const Space space{config_.mac, status_link_up, 1, config_.mtu};
    virtio::copy_config(object_bytes(space), offset, out);
}

bool Net::takes_partial_checksums() const {
    return (features_ & feature_guest_csum) != 0;
}

bool Net::takes_large_segments(bool ipv6) const {
    // Without mergeable buffers the guest would have to offer 64 KiB for each frame.
    return (features_ & feature_mergeable) != 0 &&
           (features_ & (ipv6 ? feature_guest_tso6 : feature_guest_tso4)) != 0;
}

void Net::queue_started(std::uint16_t index, virtio::Queue& queue) {
    (index == queue_rx ? rx_ : tx_) = &queue;
}

void Net::queue_stopped(std::uint16_t index) {
    (index == queue_rx ? rx_ : tx_) = nullptr;
}

bool Net::queue_kicked(std::uint16_t index) {
    if (index == queue_tx)
        return receive();
    sink_->room();
    return false;
}

void Net::reset() {
    sink_->link_reset();
}

// ---- limits ----

Net::Limiter::~Limiter() {
    if (loop_ != nullptr)
        loop_->cancel(timer_);
}

void Net::Limiter::set(EventLoop& loop, const RateLimits& rates, std::function<void()> go_on) {
    if (!rates.bandwidth && !rates.ops)
        return;
    const auto now = TokenBucket::Clock::now();
    loop_ = &loop;
    go_on_ = std::move(go_on);
    if (rates.bandwidth)
        bytes_.emplace(*rates.bandwidth, now);
    if (rates.ops)
        frames_.emplace(*rates.ops, now);
}

bool Net::Limiter::admits() {
    if (loop_ == nullptr)
        return true;
    if (timer_ != 0)
        return false;
    const auto now = TokenBucket::Clock::now();
    std::chrono::nanoseconds wait{};
    for (std::optional<TokenBucket>* bucket : {&bytes_, &frames_})
        if (*bucket)
            wait = std::max(wait, (*bucket)->wait(now));
    if (wait.count() == 0)
        return true;
    go_on_later(wait);
    return false;
}

void Net::Limiter::go_on_later(std::chrono::nanoseconds wait) {
    if (timer_ == 0)
        timer_ = loop_->after(wait, [this] {
            timer_ = 0;
            go_on_();
        });
}

void Net::Limiter::passed(std::size_t bytes) {
    if (loop_ == nullptr)
        return;
    const auto now = TokenBucket::Clock::now();
    if (bytes_)
        bytes_->take(bytes, now);
    if (frames_)
        frames_->take(1, now);
}

void Net::limit(EventLoop& loop, const LinkRates& rates) {
    from_guest_.set(loop, rates.egress, [this] {
        if (receive())
            from_guest_.go_on_later(); // others get a turn
    });
    to_guest_.set(loop, rates.ingress, [this] { sink_->room(); });
}

// ---- from the guest ----

bool Net::receive() {
    int budget = round_budget;
    if (tx_ == nullptr)
        return false;
    tx_->disarm();
    bool held = false;
    do {
        while (budget > 0 && tx_ != nullptr && !(held = !from_guest_.admits()) &&
               tx_->pop(chain_)) {
            --budget;
            take_frame();
        }
    } while (budget > 0 && !held && tx_ != nullptr && tx_->arm());
    if (tx_ != nullptr)
        tx_->notify();
    sink_->frames_done();
    if (moved)
        moved();
    return budget == 0;
}

void Net::take_frame() {
    std::array<std::uint8_t, header_size> header;
    virtio::Cursor cursor = chain_.reader();
    const bool whole = cursor.read(header) == header.size();
    const std::size_t size = cursor.read(frame_);
    from_guest_.passed(size);
    traffic_.from_guest += size;
    const bool fits = cursor.remaining() == 0;
    tx_->push(chain_, 0); // we have a copy: the guest may use its buffer again
    // Segment sizes are of no interest: the payload goes into a stream.
    if (whole && fits)
        sink_->frame(BytesView(frame_).first(size), (header[0] & flag_needs_csum) != 0);
}

// ---- to the guest ----

/// Takes buffers for `size` bytes, header included, but not more than a frame may have. False: the
/// driver has not offered that many.
bool Net::gather(std::size_t size, std::uint64_t& room) {
    const std::size_t most = (features_ & feature_mergeable) != 0 ? most_buffers : 1;
    buffers_.resize(most_buffers);
    for (used_buffers_ = 0; room < size && used_buffers_ < most; ++used_buffers_) {
        virtio::Chain& chain = buffers_[used_buffers_];
        if (!rx_->pop(chain) && (!rx_->arm() || !rx_->pop(chain)))
            return false;
        room += chain.writable_size;
    }
    return true;
}

void Net::give_back() {
    rx_->unpop(static_cast<std::uint16_t>(used_buffers_));
    used_buffers_ = 0;
}

bool Net::send(const Offload& offload, std::span<const iovec> frame) {
    if (rx_ == nullptr)
        return true; // without a link the frame is dropped: nobody would tell us when there is one
    if (!to_guest_.admits())
        return false;
    std::size_t size = header_size;
    for (const iovec& piece : frame)
        size += piece.iov_len;
    std::uint64_t room = 0;
    const bool enough = gather(size, room);
    if (!enough || room < size) {
        give_back();
        return enough; // all buffers together are too small: the frame is lost
    }
    std::array<std::uint8_t, header_size> header{};
    if (offload.partial_checksum) {
        header[0] = flag_needs_csum;
        store_le(MutableBytesView(header).subspan(6), offload.checksum_start);
        store_le(MutableBytesView(header).subspan(8), offload.checksum_offset);
    } else if (takes_partial_checksums()) {
        header[0] = flag_data_valid;
    }
    if (offload.segment_size != 0) {
        header[1] = offload.ipv6 ? gso_tcp6 : gso_tcp4;
        store_le(MutableBytesView(header).subspan(2), offload.header_size);
        store_le(MutableBytesView(header).subspan(4), offload.segment_size);
    }
    store_le(MutableBytesView(header).subspan(10), static_cast<std::uint16_t>(used_buffers_));

    std::size_t index = 0;
    virtio::Cursor cursor = buffers_[0].writer();
    std::uint64_t written = 0;
    const auto append = [&](BytesView bytes) {
        while (!bytes.empty()) {
            const std::size_t count = cursor.write(bytes);
            bytes = bytes.subspan(count);
            written += count;
            if (bytes.empty() || index + 1 == used_buffers_)
                return;
            rx_->push(buffers_[index], static_cast<std::uint32_t>(written));
            written = 0;
            cursor = buffers_[++index].writer();
        }
    };
    append(header);
    for (const iovec& piece : frame)
        append({static_cast<const std::uint8_t*>(piece.iov_base), piece.iov_len});
    rx_->push(buffers_[index], static_cast<std::uint32_t>(written));
    used_buffers_ = 0;
    to_guest_.passed(size - header_size);
    traffic_.to_guest += size - header_size;
    return true;
}

void Net::flush() {
    if (rx_ != nullptr)
        rx_->notify();
    if (moved)
        moved();
}

} // namespace msb::device
