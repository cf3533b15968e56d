// Theory of operation. receive() takes packets off the tx ring and hands each to its connection,
// which updates its state and may call its user. Nothing is sent from there: a connection with
// something to say is put into ready_ (schedule()), and transmit() serves ready_ in turn, one
// packet a connection, as long as the guest offers buffers on the rx ring. A connection keeps flags
// and a byte buffer, not packets, so what waits to be sent is bounded however much the guest
// provokes; answers that belong to no connection are bounded by max_refusals and then dropped.
#include "device/vsock/vsock.hpp"

#include <algorithm>
#include <array>

namespace msb::device {

namespace {

constexpr std::uint16_t queue_rx = 0; // §5.10.2
constexpr std::uint16_t queue_tx = 1;
constexpr std::uint64_t feature_stream = 1; // §5.10.3

/// §5.10.6.2 has no limit of its own; this is what Linux uses and expects.
constexpr std::size_t max_packet_data = 64 << 10;
constexpr std::size_t max_refusals = 256;
/// Packets handled before other work of the loop gets a turn.
constexpr int round_budget = 256;
/// Host ports of connections that the host starts; listeners use low numbers.
constexpr std::uint32_t first_dynamic_port = 1u << 30;
constexpr std::uint32_t last_dynamic_port = (1u << 31) - 1;

} // namespace

Vsock::Vsock(EventLoop& loop, std::uint64_t guest_cid)
    : loop_(loop), guest_cid_(guest_cid), next_port_(first_dynamic_port) {}

Vsock::~Vsock() {
    destroying_ = true;
    *alive_ = false;
    end_all();
}

std::uint64_t Vsock::features() const {
    return feature_stream;
}

void Vsock::read_config(std::uint32_t offset, MutableBytesView out) {
    virtio::copy_config(object_bytes(guest_cid_), offset, out); // §5.10.4
}

void Vsock::listen(std::uint32_t port, AcceptHandler handler) {
    if (handler)
        listeners_[port] = std::move(handler);
    else
        listeners_.erase(port);
}

std::uint32_t Vsock::free_local_port(std::uint32_t guest_port) {
    // Ends: there are far fewer connections than ports.
    for (;;) {
        const std::uint32_t port = next_port_;
        next_port_ = port == last_dynamic_port ? first_dynamic_port : port + 1;
        if (!connections_.contains({port, guest_port}) && !listeners_.contains(port))
            return port;
    }
}

std::shared_ptr<VsockConnection> Vsock::connect(std::uint32_t guest_port) {
    if (connection_count() >= max_connections)
        return nullptr;
    Connection connection(new VsockConnection(*this, free_local_port(guest_port), guest_port));
    connections_[{connection->local_port_, guest_port}] = connection;
    connection->request_due_ = true;
    connection->timer_ = loop_.after(connect_timeout, [this, connection] {
        connection->timer_ = 0;
        send_rst(*connection);
        end(connection, StreamEnd::timed_out);
    });
    schedule(*connection);
    return connection;
}

void Vsock::queue_started(std::uint16_t index, virtio::Queue& queue) {
    if (index == queue_rx)
        rx_ = &queue;
    else if (index == queue_tx)
        tx_ = &queue;
}

void Vsock::queue_stopped(std::uint16_t index) {
    if (index == queue_rx)
        rx_ = nullptr;
    else if (index == queue_tx)
        tx_ = nullptr;
}

bool Vsock::queue_kicked(std::uint16_t index) {
    if (index == queue_tx)
        receive();
    else if (index == queue_rx)
        transmit();
    return false;
}

void Vsock::reset() {
    refusals_.clear();
    end_all();
}

void Vsock::continue_later(bool& scheduled, void (Vsock::*work)()) {
    if (scheduled)
        return;
    scheduled = true;
    loop_.post([this, &scheduled, work, alive = alive_] {
        if (!*alive)
            return;
        scheduled = false;
        (this->*work)();
    });
}

// ---- from the guest ----

void Vsock::receive() {
    if (busy_) {
        continue_later(receive_scheduled_, &Vsock::receive);
        return;
    }
    busy_ = true;
    int budget = round_budget;
    do {
        while (budget > 0 && tx_ != nullptr && tx_->pop(chain_)) {
            --budget;
            handle_packet();
        }
    } while (budget > 0 && tx_ != nullptr && tx_->arm());
    if (tx_ != nullptr)
        tx_->notify();
    if (budget == 0)
        continue_later(receive_scheduled_, &Vsock::receive);
    busy_ = false;
    transmit();
}

void Vsock::handle_packet() {
    std::array<std::uint8_t, VsockHeader::size> bytes;
    virtio::Cursor cursor = chain_.reader();
    const bool whole = cursor.read(bytes) == bytes.size();
    const VsockHeader header = VsockHeader::decode(bytes);
    // §5.10.6.4: without a header, from another address, or shorter than it says: drop.
    if (whole && header.src_cid == guest_cid_ && header.length <= cursor.remaining())
        handle(header, cursor);
    if (tx_ != nullptr)
        tx_->push(chain_, 0);
}

void Vsock::handle(const VsockHeader& header, virtio::Cursor payload) {
    if (header.dst_cid != host_cid || header.type != vsock_type_stream) {
        refuse(header); // §5.10.6.4.1
        return;
    }
    const auto found = connections_.find({header.dst_port, header.src_port});
    if (found == connections_.end()) {
        if (header.op == VsockOp::request)
            handle_request(header);
        else
            refuse(header);
        return;
    }
    const Connection connection = found->second;
    if (!connection->handle(header, payload)) {
        if (connection->device_ != nullptr) {
            send_rst(*connection);
            end(connection, StreamEnd::reset);
        }
        return;
    }
    if (connection->device_ != nullptr)
        schedule(*connection);
}

void Vsock::handle_request(const VsockHeader& header) {
    const auto listener = listeners_.find(header.dst_port);
    if (listener == listeners_.end() || connection_count() >= max_connections) {
        refuse(header);
        return;
    }
    Connection connection(new VsockConnection(*this, header.dst_port, header.src_port));
    connection->state_ = VsockConnection::State::established;
    connection->response_due_ = true;
    connection->update_credit(header);
    connections_[{header.dst_port, header.src_port}] = connection;
    listener->second(connection);
    if (connection->device_ != nullptr)
        schedule(*connection);
}

void Vsock::refuse(const VsockHeader& header) {
    if (header.op != VsockOp::rst && refusals_.size() < max_refusals)
        refusals_.push_back({header.dst_cid, header.dst_port, header.src_port, header.type});
}

// ---- to the guest ----

void Vsock::schedule(VsockConnection& connection) {
    if (!connection.queued_ && connection.next_op()) {
        connection.queued_ = true;
        ready_.push_back(connection.shared_from_this());
    }
    transmit();
}

void Vsock::transmit() {
    if (busy_ || rx_ == nullptr)
        return; // whoever set busy_ calls transmit() afterwards
    busy_ = true;
    int budget = round_budget;
    while (budget > 0 && transmit_one())
        --budget;
    if (rx_ != nullptr)
        rx_->notify();
    if (budget == 0)
        continue_later(transmit_scheduled_, &Vsock::transmit);
    busy_ = false;
}

/// False when there is nothing to send, or no buffer to send it in; then a kick will come.
bool Vsock::transmit_one() {
    while (!ready_.empty() && !ready_.front()->next_op()) {
        ready_.front()->queued_ = false;
        ready_.pop_front();
    }
    if (rx_ == nullptr || (refusals_.empty() && ready_.empty()))
        return false;
    if (!rx_->pop(chain_) && (!rx_->arm() || !rx_->pop(chain_)))
        return false;
    if (!refusals_.empty()) {
        send_refusal();
        return true;
    }
    const Connection connection = std::move(ready_.front());
    ready_.pop_front();
    connection->queued_ = send_next(*connection);
    if (connection->queued_)
        ready_.push_back(connection);
    return true;
}

void Vsock::send_refusal() {
    const Refusal refusal = refusals_.front();
    refusals_.pop_front();
    const VsockHeader header{.src_cid = refusal.src_cid,
                             .dst_cid = guest_cid_,
                             .src_port = refusal.src_port,
                             .dst_port = refusal.dst_port,
                             .type = refusal.type,
                             .op = VsockOp::rst};
    rx_->push(chain_, static_cast<std::uint32_t>(chain_.writer().write(header.encode())));
}

/// Sends one packet into chain_. True if the connection has more to send.
bool Vsock::send_next(VsockConnection& connection) {
    const VsockOp op = *connection.next_op();
    virtio::Cursor cursor = chain_.writer();
    if (cursor.remaining() < VsockHeader::size + (op == VsockOp::rw ? 1 : 0)) {
        rx_->push(chain_, 0); // a useless buffer (§5.10.6.1); the packet waits for the next
        return true;
    }
    VsockHeader header = connection.announce(op);
    header.dst_cid = guest_cid_;
    if (op == VsockOp::rw)
        header.length = static_cast<std::uint32_t>(
            std::min<std::uint64_t>({connection.outgoing_.size(), connection.credit(),
                                     cursor.remaining() - VsockHeader::size, max_packet_data}));
    cursor.write(header.encode());
    cursor.write(connection.outgoing_.view().first(header.length));
    rx_->push(chain_, static_cast<std::uint32_t>(VsockHeader::size) + header.length);
    connection.sent(op, header.length);
    return connection.next_op().has_value();
}

// ---- end of a connection ----

void Vsock::send_rst(const VsockConnection& connection) {
    if (refusals_.size() < max_refusals)
        refusals_.push_back(
            {host_cid, connection.local_port_, connection.guest_port_, vsock_type_stream});
    transmit();
}

/// From now on packets for these ports are nobody's.
void Vsock::forget(VsockConnection& connection) {
    const auto found = connections_.find({connection.local_port_, connection.guest_port_});
    if (found != connections_.end() && found->second.get() == &connection)
        connections_.erase(found);
    loop_.cancel(connection.timer_);
    connection.timer_ = 0;
}

void Vsock::end(const Connection& ended, StreamEnd reason) {
    const Connection connection = ended; // the caller's reference may live in what is erased here
    if (connection->device_ == nullptr)
        return;
    forget(*connection);
    draining_.erase(connection);
    connection->device_ = nullptr;
    connection->state_ = VsockConnection::State::over;
    connection->outgoing_.clear();
    if (destroying_) {
        connection->drop_handlers();
        return;
    }
    if (!connection->closing_ && connection->on_closed)
        connection->on_closed(reason);
    // Not now: one of the handlers may be running.
    loop_.post([connection] { connection->drop_handlers(); });
}

void Vsock::end_all() {
    std::vector<Connection> all(draining_.begin(), draining_.end());
    for (const auto& [ports, connection] : connections_)
        all.push_back(connection);
    for (const Connection& connection : all)
        end(connection, StreamEnd::reset);
    ready_.clear();
}

} // namespace msb::device
