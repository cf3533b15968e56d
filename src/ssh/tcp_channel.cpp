#include "ssh/tcp_channel.hpp"

#include <utility>

namespace msb::ssh {

TcpChannel::TcpChannel(AgentClient& client, ssh_session session, ssh_channel channel,
                       const TcpTarget& target)
    : session_(session), stream_(session, channel), guest_(client, target, events()) {}

TcpEvents TcpChannel::events() {
    return TcpEvents{
        .connected = [] {},
        .data = [this](BytesView data) { to_client_.append(data); },
        .end_of_data = [this] { guest_done_ = true; },
        .room = [] {},
        .closed = [this] { ended_ = true; },
        .failed = [this](const wire::TcpFailed& failed) { fail_with(failed.error); },
        .broken = [this](const Error& error) { fail_with(error.to_string()); },
    };
}

/// The client shows the reason with -v.
void TcpChannel::fail_with(const std::string& reason) {
    (void)ssh_send_debug(session_, ("msb: " + reason).c_str(), 1);
    ended_ = true;
}

void TcpChannel::pass_data() {
    for (;;) {
        if (!to_guest_.empty())
            to_guest_.consume(guest_.write(to_guest_.view()));
        if (!to_guest_.empty() || client_done_ || guest_.room() == 0)
            break;
        const std::size_t count = stream_.read(stream_buffer());
        if (count > 0) {
            to_guest_.append(stream_buffer().first(count));
        } else if (stream_.at_end()) {
            client_done_ = true;
            guest_.finish_writing();
        } else {
            break;
        }
    }
    const std::size_t before = to_client_.size();
    stream_.write(to_client_);
    guest_.consumed(before - to_client_.size());
}

bool TcpChannel::turn() {
    if (stream_.closed())
        return false;
    pass_data();
    if ((guest_done_ || ended_) && to_client_.empty() && !std::exchange(told_client_, true))
        stream_.end_output();
    return !(ended_ && to_client_.empty());
}

} // namespace msb::ssh
