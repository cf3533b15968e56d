#include "device/fs/fs.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace msb::device {

namespace {

/// Requests answered before the loop's other events get a turn.
constexpr int round_budget = 64;
/// A request that waits takes a place in the queue, of which others need some to go on.
constexpr std::size_t max_waiting = 64;
constexpr auto retry_pause = std::chrono::milliseconds(10);

} // namespace

Result<std::unique_ptr<Fs>> Fs::create(std::string_view tag, Shares shares) {
    if (tag.empty() || tag.size() > max_tag)
        return fail(ErrorKind::invalid_argument, "a file system's tag has 1 to 36 bytes");
    return std::unique_ptr<Fs>(new Fs(tag, std::move(shares)));
}

Fs::Fs(std::string_view tag, Shares shares) : shares_(std::move(shares)) {
    std::ranges::copy(tag, config_space_.begin());
    store_le(MutableBytesView(config_space_).subspan(max_tag), std::uint32_t{queues - 1});
}

void Fs::read_config(std::uint32_t offset, MutableBytesView out) {
    virtio::copy_config(config_space_, offset, out);
}

void Fs::queue_started(std::uint16_t index, virtio::Queue& queue) {
    queues_[index] = &queue;
}

void Fs::queue_stopped(std::uint16_t index) {
    queues_[index] = nullptr;
    std::erase_if(waiting_, [index](const Waiting& waiting) { return waiting.queue == index; });
}

void Fs::reset() {
    waiting_.clear();
    shares_.reset();
}

/// The request in chain_ is made again later.
void Fs::wait(std::uint16_t index) {
    waiting_.push_back({index, std::exchange(chain_, {})});
    if (!retry_)
        retry_ = loop_->after(retry_pause, [this] { retry(); });
}

void Fs::retry() {
    retry_.reset();
    for (Waiting& again : std::exchange(waiting_, {})) {
        chain_ = std::move(again.chain);
        virtio::Queue& queue = *queues_[again.queue];
        if (const auto length = execute(true)) {
            queue.push(chain_, *length);
            queue.notify();
        } else {
            wait(again.queue);
        }
    }
}

bool Fs::queue_kicked(std::uint16_t index) {
    virtio::Queue& queue = *queues_[index];
    int budget = round_budget;
    do {
        queue.disarm();
        for (; budget > 0 && queue.pop(chain_); --budget) {
            if (const auto length = execute(waiting_.size() < max_waiting)) {
                queue.push(chain_, *length);
                queue.notify();
            } else {
                wait(index);
            }
        }
        if (budget == 0)
            return true;
    } while (queue.arm());
    return false;
}

/// Handles the request in chain_; returns the size of the answer, or nothing if there is none yet.
std::optional<std::uint32_t> Fs::execute(bool may_wait) {
    virtio::Cursor reader = chain_.reader();
    fuse_in_header header{};
    if (reader.read({reinterpret_cast<std::uint8_t*>(&header), sizeof(header)}) != sizeof(header))
        return 0; // without a header there is no request to answer
    reply_.body.clear();
    reply_.sent = 0;
    reply_.out = chain_.writer();
    const bool silent = fuse::is_silent(header.opcode) ||
                        reply_.out.skip(sizeof(fuse_out_header)) < sizeof(fuse_out_header);
    int error =
        header.len == chain_.readable_size ? execute_operation(header, reader, reply_) : EINVAL;
    if (silent)
        return 0;
    if (error == Passthrough::later) {
        if (may_wait && loop_ != nullptr)
            return std::nullopt;
        error = ENOLCK;
    }
    virtio::Cursor writer = chain_.writer();
    if (error == 0 && reply_.body.size() > writer.remaining() - sizeof(fuse_out_header))
        error = EIO; // there is no room for it
    std::uint64_t length = sizeof(fuse_out_header);
    if (error == 0)
        length += reply_.sent + reply_.body.size();
    const fuse_out_header answer{static_cast<std::uint32_t>(length), -error, header.unique};
    writer.write(object_bytes(answer));
    if (error == 0)
        writer.write(reply_.body);
    return static_cast<std::uint32_t>(length);
}

int Fs::execute_operation(const fuse_in_header& header, virtio::Cursor body, FuseReply& reply) {
    const bool write = header.opcode == FUSE_WRITE;
    if (!write && body.remaining() > fuse::max_body)
        return EINVAL;
    body_.resize(write ? std::min<std::uint64_t>(body.remaining(), fuse::write_prefix_size)
                       : body.remaining());
    body.read(body_);
    reply.in = body; // what is left: the data of a write
    const auto operation = fuse::decode(header.opcode, body_, body.remaining());
    return operation ? shares_.handle(header, *operation, reply) : operation.error();
}

} // namespace msb::device
