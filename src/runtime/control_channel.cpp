#include "runtime/control_channel.hpp"

#include <utility>

namespace msb {

ControlChannel::ControlChannel(std::shared_ptr<device::Stream> connection,
                               const wire::Bootstrap& bootstrap, Events events)
    : connection_(std::move(connection)), events_(std::move(events)) {
    connection_->on_readable = [this] { read(); };
    connection_->on_writable = [this] { flush(); };
    connection_->on_closed = [this](device::StreamEnd reason) {
        read();
        lose(device::to_string(reason));
    };
    send(bootstrap);
    read();
}

ControlChannel::~ControlChannel() {
    connection_->close();
}

void ControlChannel::flush() {
    out_.consume(connection_->write(out_.view()));
    if (out_.size() > max_queued) {
        out_.clear();
        lose("the guest does not read what it asks for");
    }
}

/// After this no event comes any more.
void ControlChannel::lose(std::string_view why) {
    if (std::exchange(lost_, true))
        return;
    connection_->reset();
    events_.lost(why);
}

void ControlChannel::read() {
    for (BytesView data = connection_->readable(); !data.empty(); data = connection_->readable()) {
        in_.feed(data);
        connection_->consume(data.size());
        while (!lost_) {
            const auto frame = in_.next();
            if (frame && !*frame)
                break;
            const Status handled = frame ? handle(**frame) : Status(fail(frame.error()));
            if (!handled)
                lose(handled.error().to_string());
        }
    }
}

Status ControlChannel::handle(const wire::Frame& frame) {
    const auto envelope = MSB_TRY(wire::decode_envelope(frame.body));
    if (envelope.type == wire::InitResolved::type) {
        const auto user = MSB_TRY(wire::InitResolved::decode(envelope.payload));
        if (!std::exchange(resolved_, true)) {
            events_.resolved(user);
            send(wire::InitAck{});
        }
    } else if (envelope.type == wire::Ready::type) {
        const auto ready = MSB_TRY(wire::Ready::decode(envelope.payload));
        events_.ready({frame.body.data() - wire::frame_header_size,
                       frame.body.size() + wire::frame_header_size},
                      ready);
    } else if (envelope.type == wire::Heartbeat::type) {
        events_.heartbeat(MSB_TRY(wire::Heartbeat::decode(envelope.payload)));
    } else if (envelope.type == wire::Ping::type) {
        send(wire::Pong{});
    } else if (envelope.type == wire::Drained::type) {
        events_.drained();
    } else if (envelope.type == wire::FreezeReport::type) {
        const auto report = MSB_TRY(wire::FreezeReport::decode(envelope.payload));
        if (events_.freeze)
            events_.freeze(report);
    } else if (envelope.type == wire::RootDiskState::type) {
        const auto state = MSB_TRY(wire::RootDiskState::decode(envelope.payload));
        if (events_.root_disk)
            events_.root_disk(state);
    } else if (envelope.type == wire::BootFailed::type) {
        events_.boot_failed(MSB_TRY(wire::BootFailed::decode(envelope.payload)));
    }
    return {}; // other types are additions that this runtime does not know
}

} // namespace msb
