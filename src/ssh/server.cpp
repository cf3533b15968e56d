// Everything happens in turns: the loop waits for the client's socket or the agent's, libssh takes
// what has arrived apart and calls back, and then each channel moves what it can. Callbacks only
// note things, because libssh may make them from inside any of its calls.
#include "ssh/server.hpp"

#include "ssh/tcp_channel.hpp"

#include <algorithm>
#include <sys/epoll.h>
#include <utility>

namespace msb::ssh {

namespace {

using namespace std::chrono_literals;

/// How often time is looked at.
constexpr auto tick = 5s;
constexpr std::size_t longest_user = 256;
/// How long a client may take to take what it is told at the end.
constexpr int last_words_ms = 200;
/// libssh reads 4 KiB at a time.
constexpr int polls_a_turn = 32;

struct FreeText {
    void operator()(char* text) const { ssh_string_free_char(text); }
};

TcpTarget target_of(ssh_message request) {
    const char* host = ssh_message_channel_request_open_destination(request);
    TcpTarget target;
    target.host = host == nullptr ? "" : host;
    target.port =
        static_cast<std::uint16_t>(ssh_message_channel_request_open_destination_port(request));
    return target;
}

Error ssh_error(const char* what, void* of) {
    return {ErrorKind::protocol, std::string(what) + ": " + ssh_get_error(of)};
}

} // namespace

Server::Server(EventLoop& loop, Agents agents, const Job& job)
    : loop_(loop), agents_(agents), job_(job) {
    const auto lost = [this](const Error& error) { agent_lost_ = error; };
    agents_.commands.on_closed(lost);
    agents_.others.on_closed(lost);
}

Server::~Server() {
    agents_.commands.on_closed({});
    agents_.others.on_closed({});
    channels_.clear();
    if (event_ != nullptr)
        ssh_event_free(event_);
    if (session_ != nullptr)
        ssh_free(session_);
    if (bind_ != nullptr)
        ssh_bind_free(bind_);
}

Status Server::accept(int client) {
    bind_ = ssh_bind_new();
    session_ = ssh_new();
    event_ = ssh_event_new();
    ssh_key key = nullptr;
    if (bind_ == nullptr || session_ == nullptr || event_ == nullptr)
        return fail(ErrorKind::system, "libssh could not be set up");
    if (ssh_pki_import_privkey_base64(job_.host_key.c_str(), nullptr, nullptr, nullptr, &key) !=
        SSH_OK)
        return fail(ErrorKind::corrupt, "the host key cannot be read");
    const bool no_files = false;
    if (ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_files) != SSH_OK ||
        ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_IMPORT_KEY, key) != SSH_OK)
        return fail(ssh_error("libssh options", bind_));
    callbacks_.userdata = this;
    callbacks_.auth_pubkey_function = [](ssh_session, const char* user, ssh_key_struct* offered,
                                         char state, void* self) {
        return static_cast<Server*>(self)->authenticate(user, offered, state);
    };
    callbacks_.channel_open_request_session_function = [](ssh_session, void* self) {
        return static_cast<Server*>(self)->open_session();
    };
    ssh_callbacks_init(&callbacks_);
    if (ssh_set_server_callbacks(session_, &callbacks_) != SSH_OK ||
        ssh_bind_accept_fd(bind_, session_, client) != SSH_OK)
        return fail(ssh_error("cannot begin with SSH", bind_));
    ssh_set_message_callback(
        session_,
        [](ssh_session, ssh_message message, void* self) {
            return static_cast<Server*>(self)->refuses(message) ? 1 : 0;
        },
        this);
    ssh_set_auth_methods(session_, SSH_AUTH_METHOD_PUBLICKEY);
    ssh_set_blocking(session_, 0);
    // The session has nothing to wait with before the first exchange.
    if (ssh_handle_key_exchange(session_) == SSH_ERROR)
        return fail(ssh_error("key exchange", session_));
    if (ssh_event_add_session(event_, session_) != SSH_OK)
        return fail(ssh_error("cannot wait for the client", session_));
    return {};
}

Status Server::run(int client) {
    MSB_TRY(accept(client));
    interest_ = EPOLLIN;
    MSB_TRY(loop_.watch(client, interest_, [](std::uint32_t) {}));
    Status done;
    while ((done = turn()) && (ssh_get_status(session_) & (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0) {
        update_interest(client);
        done = loop_.run_once(tick);
        if (!done)
            break;
    }
    loop_.unwatch(client);
    if (!done)
        for (const auto& channel : channels_)
            told_ = channel->tell(done.error().message()) || told_;
    channels_.clear(); // libssh would free what belongs to them
    if (!done) {
        (void)ssh_blocking_flush(session_, last_words_ms);
        ssh_disconnect(session_);
    }
    return done;
}

void Server::update_interest(int client) {
    const std::uint32_t wanted =
        (ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (std::exchange(interest_, wanted) != wanted)
        (void)loop_.modify(client, wanted);
}

Status Server::turn() {
    for (int i = 0; i < polls_a_turn; ++i)
        if (ssh_event_dopoll(event_, 0) != SSH_OK)
            break;
    if (!keys_exchanged_) {
        const int exchanged = ssh_handle_key_exchange(session_);
        if (exchanged == SSH_ERROR)
            return fail(ssh_error("key exchange", session_));
        keys_exchanged_ = exchanged == SSH_OK;
    }
    turn_channels();
    if (agent_lost_)
        return fail(*agent_lost_);
    return check_time();
}

Status Server::check_time() {
    const auto now = EventLoop::Clock::now();
    if (refusals_ >= max_auth_tries)
        return fail(ErrorKind::permission_denied, "no key of the client's is authorized");
    if (!authenticated_)
        return now - begun_ < auth_time
                   ? Status()
                   : fail(ErrorKind::timed_out, "the client did not authenticate in time");
    const std::chrono::milliseconds limit(job_.inactivity_ms);
    if (limit > 0ms && now - active_ >= limit)
        return fail(ErrorKind::timed_out, "nothing has happened for too long");
    return {};
}

// --- authentication -----------------------------------------------------------------------------

int Server::authenticate(const char* user, ssh_key key, char state) {
    char* text = nullptr;
    std::string offered;
    if (ssh_pki_export_pubkey_base64(key, &text) == SSH_OK) {
        const std::unique_ptr<char, FreeText> owner(text);
        offered = std::string(ssh_key_type_to_char(ssh_key_type(key))) + " " + text;
    }
    const bool known = std::ranges::find(job_.authorized, offered) != job_.authorized.end() &&
                       std::string_view(user).size() <= longest_user;
    // Without a signature yet, it is only asked whether one would be worth while.
    if (known && state == SSH_PUBLICKEY_STATE_NONE)
        return SSH_AUTH_SUCCESS;
    if (!known || state != SSH_PUBLICKEY_STATE_VALID) {
        ++refusals_;
        return SSH_AUTH_DENIED;
    }
    user_ = job_.user.empty() ? user : job_.user;
    authenticated_ = true;
    active_ = EventLoop::Clock::now();
    return SSH_AUTH_SUCCESS;
}

// --- channels -----------------------------------------------------------------------------------

ssh_channel Server::open_session() {
    if (!authenticated_ || channels_.size() >= max_channels)
        return nullptr;
    const ssh_channel channel = ssh_channel_new(session_);
    if (channel != nullptr)
        channels_.push_back(
            std::make_unique<SessionChannel>(agents_, job_, user_, session_, channel));
    return channel;
}

/// What has no callback of its own: connections into the guest, and all that is refused. True:
/// refuse it.
bool Server::refuses(ssh_message message) {
    const int type = ssh_message_type(message);
    const int subtype = ssh_message_subtype(message);
    if (type == SSH_REQUEST_CHANNEL_OPEN && subtype == SSH_CHANNEL_DIRECT_TCPIP && authenticated_ &&
        channels_.size() < max_channels) {
        // libssh wants the answer now, before the guest can have one. A connection that cannot be
        // made is closed at once.
        TcpTarget target = target_of(message);
        const ssh_channel channel = ssh_message_channel_request_open_reply_accept(message);
        if (channel != nullptr)
            channels_.push_back(
                std::make_unique<TcpChannel>(agents_.others, session_, channel, std::move(target)));
        return channel == nullptr;
    }
    if (type == SSH_REQUEST_AUTH && subtype != SSH_AUTH_METHOD_NONE)
        ++refusals_;
    if (type == SSH_REQUEST_GLOBAL && subtype == SSH_GLOBAL_REQUEST_TCPIP_FORWARD)
        (void)ssh_send_debug(session_,
                             "msb: -R is refused: what runs in a sandbox is not let out to the "
                             "machine that connects to it",
                             1);
    return true;
}

void Server::turn_channels() {
    bool full = false;
    std::uint64_t moved = 0;
    for (auto channel = channels_.begin(); channel != channels_.end();) {
        const bool goes_on = (*channel)->turn();
        moved += (*channel)->moved();
        full = full || (*channel)->full();
        if (goes_on) {
            ++channel;
        } else {
            active_ = EventLoop::Clock::now();
            channel = channels_.erase(channel);
        }
    }
    agents_.commands.pause_reading(full);
    if (std::exchange(moved_, moved) != moved)
        active_ = EventLoop::Clock::now();
}

} // namespace msb::ssh
