#include "agent/serve/client.hpp"

#include "agent/serve/server.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace msb::agent {

namespace {

/// A read at least; most requests fit.
constexpr std::size_t small_read = 4096;
/// At most so much is read, and waited for, at a time: half of what the socket holds.
constexpr std::size_t large_read = std::size_t{128} << 10;
/// So much of a frame is not worth waiting for: the next look will find it.
constexpr std::size_t worth_waiting = std::size_t{16} << 10;
/// Data of this size are worth a system call of their own.
constexpr std::size_t direct_size = std::size_t{16} << 10;

/// Messages that keep a sandbox alive only by being exchanged do not count as activity.
bool is_activity(std::string_view type) {
    return type != wire::Ping::type && type != wire::Pong::type && type != wire::Touched::type &&
           type != wire::CoreError::type && type != wire::ClockSync::type &&
           type != wire::FlowWindow::type && type != wire::SessionNumber::type;
}

} // namespace

Client::Client(Server& server, OwnedFd socket)
    : server_(server), socket_(std::move(socket)),
      sessions_(server.services(), server.children(), server.sessions(), *this),
      tcp_(server.services(), *this) {}

Client::~Client() {
    files_.reset();
    tcp_.clear();
    if (interest_ != 0)
        server_.loop().unwatch(socket_.get());
}

Status Client::start() {
    interest_ = EPOLLIN | EPOLLRDHUP;
    return server_.loop().watch(socket_.get(), interest_,
                                [this](std::uint32_t events) { on_event(events); });
}

void Client::on_event(std::uint32_t events) {
    if (broken_)
        return;
    if ((events & EPOLLOUT) != 0) {
        full_ = false;
        flush();
    }
    bool alive = true;
    if ((events & EPOLLIN) != 0 && (interest_ & EPOLLIN) != 0)
        alive = receive();
    else if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0)
        alive = false;
    if (!alive) {
        broken_ = true;
        server_.drop_later(*this);
    } else {
        update_interest();
    }
}

bool Client::receive() {
    const MutableBytesView room =
        reader_.prepare(std::clamp(reader_.missing() + small_read, small_read, large_read));
    const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    if (count == 0)
        return false;
    reader_.commit(static_cast<std::size_t>(count));
    for (;;) {
        const auto frame = reader_.next();
        if (!frame)
            return false;
        if (!*frame)
            break;
        if (!handle(**frame))
            return false;
    }
    wait_for(reader_.missing());
    return true;
}

/// The rest of a large frame comes in many packets: wake up when all of it is there, not for each.
void Client::wait_for(std::size_t bytes) {
    const int mark = bytes < worth_waiting ? 1 : static_cast<int>(std::min(bytes, large_read));
    if (std::exchange(low_water_, mark) != mark)
        (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark));
}

bool Client::handle(const wire::Frame& frame) {
    const auto envelope = wire::decode_envelope(frame.body);
    if (!envelope)
        return false;
    const wire::MessageType* type = wire::find_message_type(envelope->type);
    server_.services().activity.count_host_message(type != nullptr && is_activity(type->name));
    if (type == nullptr) {
        send_error(frame.id, wire::CoreErrorKind::unsupported_message_type,
                   "this agent does not know the message", envelope->type);
    } else if (envelope->v == 0) {
        send_error(frame.id, wire::CoreErrorKind::unsupported_protocol_generation,
                   "protocol generations start at 1", envelope->type);
    } else if (frame.flags != type->flags) {
        send_error(frame.id, wire::CoreErrorKind::invalid_flags,
                   "flags are " + std::to_string(frame.flags) + ", must be " +
                       std::to_string(type->flags),
                   envelope->type);
    } else {
        if (!dispatch_exec(frame, *envelope) && !dispatch_files(frame, *envelope) &&
            !dispatch_core(frame, *envelope) && !dispatch_tcp(frame, *envelope) &&
            !dispatch_sessions(frame, *envelope))
            send_error(frame.id, wire::CoreErrorKind::unsupported_message_type,
                       "this agent does not accept the message from a client", envelope->type);
    }
    return true;
}

bool Client::dispatch_core(const wire::Frame& frame, const wire::Envelope& envelope) {
    return decode<wire::Ping>(frame, envelope,
                              [&](const wire::Ping&) { send(frame.id, wire::Pong{}); }) ||
           decode<wire::Touch>(frame, envelope,
                               [&](const wire::Touch&) {
                                   send(frame.id,
                                        wire::Touched{server_.services().activity.sequence()});
                               }) ||
           decode<wire::Shutdown>(frame, envelope, [&](const wire::Shutdown& message) {
               server_.request_shutdown(message);
           });
}

bool Client::dispatch_exec(const wire::Frame& frame, const wire::Envelope& envelope) {
    // Frames for a session that has just ended cross its last frame on the way: not an error.
    const auto for_session = [&](auto action) {
        return [this, &frame, action](auto& message) {
            if (Session* session = sessions_.find(frame.id))
                action(*session, message);
        };
    };
    return decode<wire::ExecStdin>(frame, envelope,
                                   for_session([](Session& s, const wire::ExecStdin& message) {
                                       if (message.data.empty())
                                           s.close_input();
                                       else
                                           s.write_input(message.data);
                                   })) ||
           decode<wire::ExecRequest>(frame, envelope,
                                     [&](const wire::ExecRequest& message) {
                                         if (!refuse_id(frame.id, wire::ExecRequest::type))
                                             sessions_.start(frame.id, message);
                                     }) ||
           decode<wire::ExecResize>(frame, envelope,
                                    for_session([](Session& s, const wire::ExecResize& message) {
                                        s.resize(message.rows, message.cols);
                                    })) ||
           decode<wire::ExecSignal>(frame, envelope,
                                    for_session([](Session& s, const wire::ExecSignal& message) {
                                        s.signal(message.signal);
                                    }));
}

bool Client::dispatch_sessions(const wire::Frame& frame, const wire::Envelope& envelope) {
    const std::uint32_t id = frame.id;
    return decode<wire::SessionNumber>(frame, envelope,
                                       [&](const wire::SessionNumber& message) {
                                           sessions_.announce(id, message.session);
                                       }) ||
           decode<wire::SessionDetach>(frame, envelope,
                                       [&](const wire::SessionDetach&) { sessions_.detach(id); }) ||
           decode<wire::SessionAttach>(frame, envelope,
                                       [&](const wire::SessionAttach& message) {
                                           if (!refuse_id(id, wire::SessionAttach::type))
                                               sessions_.attach(id, message);
                                       }) ||
           decode<wire::SessionList>(frame, envelope,
                                     [&](const wire::SessionList&) { sessions_.list_all(id); }) ||
           decode<wire::SessionSignal>(
               frame, envelope,
               [&](const wire::SessionSignal& message) { sessions_.signal(id, message); }) ||
           decode<wire::SessionObserve>(frame, envelope,
                                        [&](const wire::SessionObserve&) { sessions_.observe(); });
}

bool Client::dispatch_files(const wire::Frame& frame, const wire::Envelope& envelope) {
    return decode<wire::FsData>(
               frame, envelope,
               [&](const wire::FsData& message) { files().data(frame.id, message.data); }) ||
           decode<wire::FsRequest>(frame, envelope,
                                   [&](wire::FsRequest& message) {
                                       if (!refuse_id(frame.id, wire::FsRequest::type))
                                           files().start(frame.id, std::move(message));
                                   }) ||
           decode<wire::FsCancel>(frame, envelope,
                                  [&](const wire::FsCancel&) { files().cancel(frame.id); });
}

bool Client::dispatch_tcp(const wire::Frame& frame, const wire::Envelope& envelope) {
    // Frames for a stream that has just ended cross its last frame on the way: not an error.
    const auto for_stream = [&](auto action) {
        return [this, &frame, action](auto& message) {
            if (TcpStream* stream = tcp_.find(frame.id))
                action(*stream, message);
        };
    };
    return decode<wire::TcpData>(frame, envelope,
                                 for_stream([](TcpStream& s, const wire::TcpData& message) {
                                     s.write(message.data);
                                 })) ||
           decode<wire::TcpConnect>(frame, envelope,
                                    [&](const wire::TcpConnect& message) {
                                        if (!refuse_id(frame.id, wire::TcpConnect::type))
                                            tcp_.connect(frame.id, message);
                                    }) ||
           decode<wire::FlowWindow>(frame, envelope,
                                    for_stream([](TcpStream& s, const wire::FlowWindow& message) {
                                        s.grant(message.bytes);
                                    })) ||
           decode<wire::TcpEof>(frame, envelope, for_stream([](TcpStream& s, const wire::TcpEof&) {
                                    s.finish_writing();
                                })) ||
           decode<wire::TcpClose>(frame, envelope,
                                  for_stream([](TcpStream& s, const wire::TcpClose& message) {
                                      s.close(message.reset);
                                  }));
}

bool Client::refuse_id(std::uint32_t id, std::string_view type) {
    if (id != 0 && !in_use(id))
        return false;
    send_error(id, wire::CoreErrorKind::invalid_session,
               id == 0 ? "id 0 cannot be a session" : "the id has a session already", type);
    return true;
}

FileService& Client::files() {
    if (!files_)
        files_ = std::make_unique<FileService>(server_.services(), *this);
    return *files_;
}

void Client::send_error(std::uint32_t id, wire::CoreErrorKind kind, std::string message,
                        std::string_view type) {
    // Do not repeat an invalid name in full.
    send(id, wire::CoreError{kind, std::move(message), std::string(type.substr(0, 128))});
}

void Client::count_sent(std::string_view type) {
    server_.services().activity.count_guest_message(is_activity(type));
}

void Client::flush_later() {
    if (!full_ && !std::exchange(dirty_, true))
        server_.mark_dirty(*this);
}

Bytes& Client::queue(std::string_view type) {
    count_sent(type);
    flush_later();
    return out_.tail();
}

bool Client::can_send_at_once(std::size_t size) const {
    return size >= direct_size && out_.empty();
}

void Client::send_at_once(std::string_view type, BytesView head, BytesView data) {
    count_sent(type);
    iovec pieces[2] = {{const_cast<std::uint8_t*>(head.data()), head.size()},
                       {const_cast<std::uint8_t*>(data.data()), data.size()}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    // An error comes again when the rest is flushed.
    const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    const std::size_t sent = count > 0 ? static_cast<std::size_t>(count) : 0;
    if (sent == head.size() + data.size())
        return;
    const std::size_t of_head = std::min(sent, head.size());
    out_.append(head.subspan(of_head));
    out_.append(data.subspan(sent - of_head));
    if (sent == 0)
        return flush_later();
    full_ = true;
    update_interest();
}

void Client::flush() {
    dirty_ = false;
    while (!out_.empty() && !broken_) {
        const BytesView data = out_.view();
        const ssize_t count =
            ::send(socket_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            out_.consume(static_cast<std::size_t>(count));
            full_ = static_cast<std::size_t>(count) < data.size();
            if (full_)
                break; // asking again would only say so
        } else if (errno == EAGAIN) {
            full_ = true;
            break;
        } else if (errno != EINTR) {
            broken_ = true;
            server_.drop_later(*this);
        }
    }
    if (broken_)
        return;
    if (output_paused_ && out_.size() < output_low)
        resume_output();
    update_interest();
}

bool Client::accepts_output() {
    if (out_.size() < output_high)
        return true;
    output_paused_ = true;
    return false;
}

void Client::resume_output() {
    output_paused_ = false;
    sessions_.resume_output();
    tcp_.update_interest();
    if (files_)
        files_->resume_output();
}

void Client::input_bound_changed() {
    sessions_.check_input_bound();
    update_interest();
}

void Client::update_interest() {
    // Whoever does not read answers, or lets a command's input pile up, has to wait.
    const bool reading = out_.size() < output_max && !sessions_.input_over_bound() &&
                         !tcp_.over_bound() && !(files_ && files_->input_over_bound());
    const std::uint32_t wanted = (reading ? EPOLLIN : 0U) | (full_ ? EPOLLOUT : 0U) | EPOLLRDHUP;
    if (wanted == interest_)
        return;
    interest_ = wanted;
    (void)server_.loop().modify(socket_.get(), wanted);
}

} // namespace msb::agent
