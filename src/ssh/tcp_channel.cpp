#include "ssh/tcp_channel.hpp"

#include <libssh/server.h>

namespace msb::ssh {

namespace {

TcpTarget target_of(ssh_message request) {
    const char* host = ssh_message_channel_request_open_destination(request);
    TcpTarget target;
    target.host = host == nullptr ? "" : host;
    target.port =
        static_cast<std::uint16_t>(ssh_message_channel_request_open_destination_port(request));
    return target;
}

} // namespace

TcpChannel::TcpChannel(AgentClient& client, ssh_session session, ssh_message request)
    : session_(session), request_(request), guest_(client, target_of(request), events()) {}

TcpChannel::~TcpChannel() {
    if (request_ != nullptr) {
        (void)ssh_message_reply_default(request_);
        ssh_message_free(request_);
    }
}

TcpEvents TcpChannel::events() {
    return TcpEvents{
        .connected = [] {},
        .data = [this](BytesView data) { to_client_.append(data); },
        .end_of_data = [this] { guest_done_ = true; },
        .room = [] {},
        .closed = [this] { ended_ = true; },
        .failed =
            [this](const wire::TcpFailed& failed) {
                failure_ = failed.error;
                ended_ = true;
            },
        .broken =
            [this](const Error& error) {
                failure_ = error.to_string();
                ended_ = true;
            },
    };
}

/// The message that opened the channel. False: the guest could not connect.
bool TcpChannel::answer() {
    if (ended_) {
        (void)ssh_send_debug(session_, ("msb: " + failure_).c_str(), 1);
        return false; // refused by the destructor
    }
    const ssh_channel channel = ssh_message_channel_request_open_reply_accept(request_);
    ssh_message_free(std::exchange(request_, nullptr));
    if (channel == nullptr)
        return false;
    stream_.emplace(session_, channel);
    return true;
}

void TcpChannel::pass_data() {
    for (;;) {
        if (!to_guest_.empty())
            to_guest_.consume(guest_.write(to_guest_.view()));
        if (!to_guest_.empty() || client_done_ || guest_.room() == 0)
            break;
        const std::size_t count = stream_->read(stream_buffer());
        if (count > 0) {
            to_guest_.append(stream_buffer().first(count));
        } else if (stream_->at_end()) {
            client_done_ = true;
            guest_.finish_writing();
        } else {
            break;
        }
    }
    const std::size_t before = to_client_.size();
    stream_->write(to_client_);
    guest_.consumed(before - to_client_.size());
}

bool TcpChannel::turn() {
    if (!stream_) {
        if (!guest_.connected() && !ended_)
            return true;
        if (!answer())
            return false;
    }
    if (stream_->closed())
        return false;
    pass_data();
    if ((guest_done_ || ended_) && to_client_.empty() && !std::exchange(told_client_, true))
        stream_->end_output();
    return !(ended_ && to_client_.empty());
}

} // namespace msb::ssh
