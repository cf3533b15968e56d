#include "agent/client.hpp"

#include "agent/server.hpp"
#include "wire/session_messages.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::agent {

namespace {

/// First read of a connection; most requests fit, and untouched buffer pages cost nothing.
constexpr std::size_t small_read = 4096;
/// Once a read filled the buffer, data is streaming.
constexpr std::size_t large_read = std::size_t{128} << 10;
/// A queue that grew beyond this is given back when it is empty.
constexpr std::size_t kept_capacity = std::size_t{1} << 20;

/// Messages that keep a sandbox alive only by being exchanged do not count as activity.
bool is_activity(std::string_view type) {
    return type != wire::Ping::type && type != wire::Pong::type && type != wire::Touched::type &&
           type != wire::CoreError::type && type != wire::ClockSync::type &&
           type != wire::FlowWindow::type && type != wire::SessionNumber::type;
}

} // namespace

Client::Client(Server& server, OwnedFd socket)
    : server_(server), socket_(std::move(socket)), read_size_(small_read), tcp_(server, *this) {}

Client::~Client() {
    files_.reset();
    sessions_.clear();
    tcp_.clear();
    for (const auto& [id, kept] : std::exchange(kept_, {}))
        kept->release();
    server_.kept().forget(*this);
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
    if ((events & EPOLLOUT) != 0)
        flush();
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
    const MutableBytesView room = reader_.prepare(read_size_);
    const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    if (count == 0)
        return false;
    reader_.commit(static_cast<std::size_t>(count));
    read_size_ = static_cast<std::size_t>(count) == room.size() ? large_read : small_read;
    for (;;) {
        const auto frame = reader_.next();
        if (!frame)
            return false;
        if (!*frame)
            return true;
        if (!handle(**frame))
            return false;
    }
}

bool Client::handle(const wire::Frame& frame) {
    const auto envelope = wire::decode_envelope(frame.body);
    if (!envelope)
        return false;
    const wire::MessageType* type = wire::find_message_type(envelope->type);
    server_.count_host_message(type != nullptr && is_activity(type->name));
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
        return dispatch(frame, *envelope);
    }
    return true;
}

bool Client::dispatch(const wire::Frame& frame, const wire::Envelope& envelope) {
    Session* session = session_of(frame.id);
    // Frames for a session that has just ended cross its last frame on the way: not an error.
    const auto for_session = [&](auto action) {
        return [session, action](auto& message) {
            if (session != nullptr)
                action(*session, message);
        };
    };
    const bool known =
        decode<wire::ExecStdin>(frame, envelope,
                                for_session([](Session& s, const wire::ExecStdin& message) {
                                    if (message.data.empty())
                                        s.close_input();
                                    else
                                        s.write_input(message.data);
                                })) ||
        decode<wire::ExecRequest>(
            frame, envelope,
            [&](const wire::ExecRequest& message) { start_session(frame.id, message); }) ||
        decode<wire::ExecResize>(frame, envelope,
                                 for_session([](Session& s, const wire::ExecResize& message) {
                                     s.resize(message.rows, message.cols);
                                 })) ||
        decode<wire::ExecSignal>(frame, envelope,
                                 for_session([](Session& s, const wire::ExecSignal& message) {
                                     s.signal(message.signal);
                                 })) ||
        decode<wire::FsData>(
            frame, envelope,
            [&](const wire::FsData& message) { files().data(frame.id, message.data); }) ||
        decode<wire::FsRequest>(frame, envelope,
                                [&](wire::FsRequest& message) {
                                    start_file_operation(frame.id, std::move(message));
                                }) ||
        decode<wire::FsCancel>(frame, envelope,
                               [&](const wire::FsCancel&) { files().cancel(frame.id); }) ||
        decode<wire::Ping>(frame, envelope,
                           [&](const wire::Ping&) { send(frame.id, wire::Pong{}); }) ||
        decode<wire::Touch>(
            frame, envelope,
            [&](const wire::Touch&) { send(frame.id, wire::Touched{server_.activity_seq()}); }) ||
        decode<wire::Shutdown>(
            frame, envelope,
            [&](const wire::Shutdown& message) { server_.request_shutdown(message); }) ||
        dispatch_tcp(frame, envelope) || dispatch_sessions(frame, envelope);
    if (!known)
        send_error(frame.id, wire::CoreErrorKind::unsupported_message_type,
                   "this agent does not accept the message from a client", envelope.type);
    return true;
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

void Client::start_session(std::uint32_t id, const wire::ExecRequest& request) {
    if (refuse_id(id, wire::ExecRequest::type))
        return;
    if (const std::string_view refusal = server_.refusal(); !refusal.empty()) {
        send(id, wire::ExecFailed{.message = std::string(refusal), .stage = "accept"});
        return;
    }
    if (sessions_.size() >= max_sessions) {
        send(id,
             describe(Error::from_errno(EAGAIN, "too many commands on one connection"), "accept"));
        return;
    }
    const std::uint64_t announced = announced_.first == id ? announced_.second : 0;
    announced_ = {};
    const std::uint64_t number = server_.take_session_number(announced);
    if (request.detach)
        return server_.kept().start(*this, id, number, request);
    auto owner = std::make_unique<ClientSession>(*this, id, number);
    owner->session = std::make_unique<Session>(server_, *owner);
    if (auto started = owner->session->start(request); !started) {
        send(id, started.error());
        return;
    }
    sessions_.emplace(id, std::move(owner));
}

FileService& Client::files() {
    if (!files_)
        files_ = std::make_unique<FileService>(server_, *this);
    return *files_;
}

void Client::start_file_operation(std::uint32_t id, wire::FsRequest request) {
    if (!refuse_id(id, wire::FsRequest::type))
        files().start(id, std::move(request));
}

void Client::send_error(std::uint32_t id, wire::CoreErrorKind kind, std::string message,
                        std::string_view type) {
    // A name that is not one does not deserve to be repeated whole.
    send(id, wire::CoreError{kind, std::move(message), std::string(type.substr(0, 128))});
}

void Client::prepare_to_send(std::string_view type) {
    server_.count_guest_message(is_activity(type));
    if (!std::exchange(dirty_, true))
        server_.mark_dirty(*this);
}

bool Client::flush() {
    dirty_ = false;
    while (queued() > 0 && !broken_) {
        const ssize_t count =
            ::send(socket_.get(), out_.data() + out_begin_, queued(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            const bool full = static_cast<std::size_t>(count) < queued();
            out_begin_ += static_cast<std::size_t>(count);
            if (full)
                break; // asking again would only say so
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            broken_ = true;
            server_.drop_later(*this);
        }
    }
    if (broken_)
        return true;
    if (queued() == 0) {
        out_begin_ = 0;
        out_.clear();
        if (out_.capacity() > kept_capacity)
            Bytes().swap(out_);
    } else if (out_begin_ > out_.size() / 2) {
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_begin_));
        out_begin_ = 0;
    }
    if (output_paused_ && queued() < output_low)
        resume_output();
    update_interest();
    return queued() == 0;
}

bool Client::accepts_output() {
    if (queued() < output_high)
        return true;
    output_paused_ = true;
    return false;
}

void Client::resume_output() {
    output_paused_ = false;
    for (const auto& [id, owner] : sessions_)
        owner->session->resume_output();
    for (const auto& [id, kept] : kept_)
        kept->resume();
    if (observer_)
        server_.kept().resume_all();
    tcp_.update_interest();
    if (files_)
        files_->resume_output();
}

void Client::update_interest() {
    // Whoever does not read answers, or lets a command's input pile up, has to wait.
    const bool reading = queued() < output_max && !input_over_bound_ && !tcp_.over_bound() &&
                         !(files_ && files_->input_over_bound());
    const std::uint32_t wanted =
        (reading ? EPOLLIN : 0U) | (queued() > 0 ? EPOLLOUT : 0U) | EPOLLRDHUP;
    if (wanted == interest_)
        return;
    interest_ = wanted;
    (void)server_.loop().modify(socket_.get(), wanted);
}

} // namespace msb::agent
