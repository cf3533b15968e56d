#include "device/vsock/connection.hpp"

#include "device/vsock/vsock.hpp"
#include "virtio/chain.hpp"

#include <algorithm>

namespace msb::device {

std::string_view to_string(StreamEnd reason) {
    switch (reason) {
    case StreamEnd::finished: return "finished";
    case StreamEnd::reset: return "reset";
    case StreamEnd::refused: return "refused";
    case StreamEnd::timed_out: return "timed_out";
    }
    return "unknown";
}

void VsockConnection::consume(std::size_t count) {
    count = std::min(count, received_.size());
    received_.pop(count);
    forwarded_ += static_cast<std::uint32_t>(count);
    if (device_ == nullptr)
        return;
    if (device_->draining_.contains(shared_from_this())) {
        // The guest is gone already; the reader learns that when it has everything.
        if (received_.empty())
            end_later();
        return;
    }
    // The guest does not run out of credit before this: it has the other three quarters.
    if (forwarded_ - told_forwarded_ >= buffer_limit / 4) {
        credit_update_due_ = true;
        device_->schedule(*this);
    }
}

std::size_t VsockConnection::write(BytesView data) {
    if (device_ == nullptr || write_ended_ || guest_deaf_)
        return 0;
    const std::size_t count = std::min(data.size(), outgoing_.room());
    outgoing_.append(data.first(count));
    write_refused_ = count < data.size();
    device_->schedule(*this);
    return count;
}

void VsockConnection::shutdown_write() {
    write_ended_ = true;
    if (device_ != nullptr)
        device_->schedule(*this);
}

void VsockConnection::close() {
    if (device_ == nullptr || closing_)
        return;
    const auto self = shared_from_this();
    if (state_ == State::connecting || device_->draining_.contains(self)) {
        reset();
        return;
    }
    closing_ = write_ended_ = true;
    forwarded_ += static_cast<std::uint32_t>(received_.size());
    received_.clear();
    timer_ = device_->loop_.after(Vsock::linger, [self] {
        self->timer_ = 0;
        self->reset();
    });
    device_->schedule(*this);
    device_->loop_.post([self] { self->drop_handlers(); });
}

void VsockConnection::reset() {
    if (device_ == nullptr)
        return;
    closing_ = true;
    if (!device_->draining_.contains(shared_from_this()))
        device_->send_rst(*this);
    device_->end(shared_from_this(), StreamEnd::reset);
}

// ---- from the guest ----

void VsockConnection::update_credit(const VsockHeader& header) {
    guest_buffer_ = header.buffer_size;
    guest_forwarded_ = header.forwarded;
    if (credit() > 0)
        credit_requested_ = false;
}

/// §5.10.6.3: peer_buf_alloc - (tx_cnt - peer_fwd_cnt). A guest that lies gets 0, never more than
/// the buffer it announced.
std::uint32_t VsockConnection::credit() const {
    const std::uint32_t in_flight = sent_ - guest_forwarded_;
    return in_flight > guest_buffer_ ? 0 : guest_buffer_ - in_flight;
}

bool VsockConnection::handle(const VsockHeader& header, virtio::Cursor payload) {
    update_credit(header);
    switch (header.op) {
    case VsockOp::response: return handle_response();
    case VsockOp::rw: return handle_data(header, payload);
    case VsockOp::credit_update: return state_ == State::established;
    case VsockOp::credit_request: credit_update_due_ = true; return state_ == State::established;
    case VsockOp::shutdown: return handle_shutdown(header.flags);
    case VsockOp::rst: return handle_reset();
    default: return false; // a second REQUEST, or no operation we know
    }
}

bool VsockConnection::handle_response() {
    if (state_ != State::connecting)
        return false;
    state_ = State::established;
    device_->loop_.cancel(timer_);
    timer_ = 0;
    if (on_connected)
        on_connected();
    return true;
}

bool VsockConnection::handle_data(const VsockHeader& header, virtio::Cursor payload) {
    if (state_ != State::established || guest_ended_)
        return false;
    // The guest's credit is exactly the room: what is not consumed counts against it.
    if (header.length > received_.room())
        return false;
    if (closing_) {
        forwarded_ += header.length;
        credit_update_due_ |= forwarded_ - told_forwarded_ >= buffer_limit / 4;
        return true;
    }
    received_.commit(payload.read(received_.prepare(header.length)));
    if (header.length != 0 && on_readable)
        on_readable();
    return true;
}

/// §5.10.6.5: both flags set is a disconnect, answered with RST. One alone closes that direction.
bool VsockConnection::handle_shutdown(std::uint32_t flags) {
    if (state_ != State::established)
        return false;
    const bool ended_before = guest_ended_;
    guest_ended_ |= (flags & vsock_shutdown_send) != 0;
    guest_deaf_ |= (flags & vsock_shutdown_receive) != 0;
    if (guest_deaf_)
        outgoing_.clear();
    if (guest_ended_ && guest_deaf_) {
        device_->send_rst(*this);
        finish();
    }
    if (guest_ended_ && !ended_before && !closing_ && on_readable)
        on_readable();
    return true;
}

bool VsockConnection::handle_reset() {
    if (guest_ended_) // its stream was complete: nothing is lost
        finish();
    else
        device_->end(shared_from_this(),
                     state_ == State::connecting ? StreamEnd::refused : StreamEnd::reset);
    return true;
}

/// The guest has no such connection any more; what it sent may still wait to be consumed.
void VsockConnection::finish() {
    guest_deaf_ = true;
    outgoing_.clear();
    device_->forget(*this);
    device_->draining_.insert(shared_from_this());
    if (closing_ || received_.empty())
        end_later();
}

void VsockConnection::end_later() {
    device_->loop_.post([self = shared_from_this()] {
        if (self->device_ != nullptr)
            self->device_->end(self, StreamEnd::finished);
    });
}

// ---- to the guest ----

std::optional<VsockOp> VsockConnection::next_op() const {
    if (device_ == nullptr || (guest_ended_ && guest_deaf_))
        return std::nullopt;
    if (state_ == State::connecting)
        return request_due_ ? std::optional(VsockOp::request) : std::nullopt;
    if (response_due_)
        return VsockOp::response;
    if (!outgoing_.empty() && credit() > 0)
        return VsockOp::rw;
    if (credit_update_due_)
        return VsockOp::credit_update;
    if (!outgoing_.empty())
        return credit_requested_ ? std::nullopt : std::optional(VsockOp::credit_request);
    if ((closing_ && !close_sent_) || (write_ended_ && !end_sent_))
        return VsockOp::shutdown;
    return std::nullopt;
}

VsockHeader VsockConnection::announce(VsockOp op) {
    told_forwarded_ = forwarded_;
    credit_update_due_ = false;
    std::uint32_t flags = 0;
    if (op == VsockOp::shutdown)
        flags = closing_ ? vsock_shutdown_send | vsock_shutdown_receive : vsock_shutdown_send;
    return {.src_cid = Vsock::host_cid,
            .src_port = local_port_,
            .dst_port = guest_port_,
            .op = op,
            .flags = flags,
            .buffer_size = buffer_limit,
            .forwarded = forwarded_};
}

void VsockConnection::sent(VsockOp op, std::size_t data_bytes) {
    switch (op) {
    case VsockOp::request: request_due_ = false; break;
    case VsockOp::response: response_due_ = false; break;
    case VsockOp::credit_request: credit_requested_ = true; break;
    case VsockOp::shutdown:
        end_sent_ = true;
        close_sent_ = closing_;
        break;
    default: break;
    }
    if (data_bytes == 0)
        return;
    sent_ += static_cast<std::uint32_t>(data_bytes);
    outgoing_.pop(data_bytes);
    if (write_refused_ && outgoing_.room() >= buffer_limit / 2 && !closing_) {
        write_refused_ = false;
        // Never from inside write(): its caller has yet to take away what was accepted, and would
        // write the same bytes again.
        device_->loop_.post([self = shared_from_this()] {
            if (self->on_writable)
                self->on_writable();
        });
    }
}

} // namespace msb::device
