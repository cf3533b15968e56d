#include "mcp/http.hpp"

#include "mcp/server.hpp"

#include <algorithm>
#include <condition_variable>
#include <fmt/core.h>
#include <map>
#include <microhttpd.h>
#include <mutex>
#include <openssl/crypto.h>
#include <random>

namespace msb::mcp {

namespace {

constexpr unsigned idle_seconds = 300;
constexpr std::chrono::hours session_ttl{1};
constexpr const char* session_header = "Mcp-Session-Id";

std::string_view header(MHD_Connection* connection, const char* name) {
    const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

/// The host of "http://HOST:PORT" or "HOST:PORT" is this machine's loopback. A page of another site
/// that has its name lead here still says its own name.
bool is_local(std::string_view text) {
    if (const auto scheme = text.find("://"); scheme != std::string_view::npos)
        text.remove_prefix(scheme + 3);
    if (text.starts_with('['))
        return text.substr(0, text.find(']') + 1) == "[::1]";
    const std::string_view host = text.substr(0, text.find(':'));
    return host == "localhost" || host == "127.0.0.1";
}

bool is_loopback(const IpAddress& address) {
    return address.v6 ? address == IpAddress::loopback(true) : address.bytes[0] == 127;
}

std::string random_id() {
    std::random_device random;
    std::string id;
    for (int i = 0; i < 8; ++i)
        id += fmt::format("{:08x}", random());
    return id;
}

/// What one message is answered with, when it is.
class Answered {
  public:
    void set(const std::string& text) {
        const std::lock_guard lock(mutex_);
        text_ = text;
        changed_.notify_all();
    }
    std::string wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return text_.has_value(); });
        return *text_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<std::string> text_;
};

} // namespace

class HttpServer::State {
  public:
    State(Limits limits, std::string token)
        : limits_(std::move(limits)), token_(std::move(token)) {}
    ~State() {
        // Connections wait for their calls, so those end first.
        for (const auto& [id, session] : sessions_)
            session->server.end_calls();
        if (daemon != nullptr)
            MHD_stop_daemon(daemon);
    }

    /// Of one request; `body` grows as it comes.
    struct Request {
        std::string body;
    };
    /// Before the body: an answer, if that is a refusal.
    MHD_Result begin(MHD_Connection* connection, std::string_view url);
    MHD_Result take(MHD_Connection* connection, std::string_view method, const char* data,
                    std::size_t* size, Request& request);

    MHD_Daemon* daemon = nullptr;

  private:
    struct Session {
        explicit Session(Limits limits) : server(std::move(limits)) {}
        Server server;
        std::chrono::steady_clock::time_point used = std::chrono::steady_clock::now();
    };

    bool may(MHD_Connection* connection) const;
    MHD_Result post(MHD_Connection* connection, const std::string& body);
    std::shared_ptr<Session> session(std::string_view id);
    std::string add_session();
    static MHD_Result respond(MHD_Connection* connection, unsigned status, const std::string& body,
                              const std::string& session_id = {});

    const Limits limits_;
    const std::string token_;
    std::mutex mutex_; ///< of what follows
    std::map<std::string, std::shared_ptr<Session>, std::less<>> sessions_;
};

bool HttpServer::State::may(MHD_Connection* connection) const {
    constexpr std::string_view scheme = "Bearer ";
    std::string_view shown = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    if (!shown.starts_with(scheme))
        return false;
    shown.remove_prefix(scheme.size());
    return shown.size() == token_.size() &&
           CRYPTO_memcmp(shown.data(), token_.data(), token_.size()) == 0;
}

MHD_Result HttpServer::State::respond(MHD_Connection* connection, unsigned status,
                                      const std::string& body, const std::string& session_id) {
    MHD_Response* const response = MHD_create_response_from_buffer(
        body.size(), const_cast<char*>(body.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            body.starts_with('{') ? "application/json" : "text/plain");
    if (!session_id.empty())
        MHD_add_response_header(response, session_header, session_id.c_str());
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST, DELETE");
    const MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

std::shared_ptr<HttpServer::State::Session> HttpServer::State::session(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end())
        return nullptr;
    found->second->used = std::chrono::steady_clock::now();
    return found->second;
}

/// Empty if there are too many.
std::string HttpServer::State::add_session() {
    std::vector<std::shared_ptr<Session>> old; // ended without the lock
    const std::lock_guard lock(mutex_);
    const auto oldest = std::chrono::steady_clock::now() - session_ttl;
    for (auto at = sessions_.begin(); at != sessions_.end();)
        if (at->second->used < oldest) {
            old.push_back(std::move(at->second));
            at = sessions_.erase(at);
        } else {
            ++at;
        }
    if (sessions_.size() >= max_sessions)
        return {};
    std::string id = random_id();
    sessions_.emplace(id, std::make_shared<Session>(limits_));
    return id;
}

MHD_Result HttpServer::State::post(MHD_Connection* connection, const std::string& body) {
    const auto message = read_message(body);
    std::string id(header(connection, session_header));
    const bool begins = message && message->method == "initialize";
    if (begins)
        id = add_session();
    if (begins && id.empty())
        return respond(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many sessions\n");
    const auto found = session(id);
    if (!found)
        return respond(connection, id.empty() ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_NOT_FOUND,
                       id.empty() ? "Mcp-Session-Id is missing\n" : "no such session\n");
    const auto answered = std::make_shared<Answered>();
    found->server.receive(body, [answered](Server::Part part, const std::string& text) {
        if (part == Server::Part::answer)
            answered->set(text);
    });
    const std::string text = answered->wait();
    return respond(connection, text.empty() ? MHD_HTTP_ACCEPTED : MHD_HTTP_OK, text,
                   begins ? id : std::string());
}

MHD_Result HttpServer::State::begin(MHD_Connection* connection, std::string_view url) {
    const std::string_view origin = header(connection, MHD_HTTP_HEADER_ORIGIN);
    if (!is_local(header(connection, MHD_HTTP_HEADER_HOST)) ||
        (!origin.empty() && !is_local(origin)))
        return respond(connection, MHD_HTTP_FORBIDDEN, "not from this machine\n");
    if (!may(connection))
        return respond(connection, MHD_HTTP_UNAUTHORIZED, "the token is missing or wrong\n");
    if (url != "/mcp" && url != "/mcp/")
        return respond(connection, MHD_HTTP_NOT_FOUND, "the path is /mcp\n");
    return MHD_YES;
}

MHD_Result HttpServer::State::take(MHD_Connection* connection, std::string_view method,
                                   const char* data, std::size_t* size, Request& request) {
    if (*size > 0) {
        if (request.body.size() <= max_message)
            request.body.append(data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (method == MHD_HTTP_METHOD_POST)
        return post(connection, request.body);
    if (method == MHD_HTTP_METHOD_DELETE) {
        std::shared_ptr<Session> ended;
        const std::lock_guard lock(mutex_);
        const auto found = sessions_.find(header(connection, session_header));
        if (found == sessions_.end())
            return respond(connection, MHD_HTTP_NOT_FOUND, "no such session\n");
        ended = std::move(found->second);
        sessions_.erase(found);
        return respond(connection, MHD_HTTP_OK, "");
    }
    return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "POST or DELETE\n");
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() = default;
HttpServer::HttpServer(HttpServer&&) noexcept = default;

Result<HttpServer> HttpServer::start(Limits limits, const Endpoint& at, std::string token) {
    if (!is_loopback(at.address))
        return fail(ErrorKind::invalid_argument,
                    "msb mcp listens on the loopback only, not at " + at.address.to_string());
    auto state = std::make_unique<State>(std::move(limits), std::move(token));
    const auto take = [](void* closure, MHD_Connection* connection, const char* url,
                         const char* method, const char*, const char* data, std::size_t* size,
                         void** request) -> MHD_Result {
        if (*request == nullptr) { // the headers are there
            *request = new State::Request;
            return static_cast<State*>(closure)->begin(connection, url);
        }
        return static_cast<State*>(closure)->take(connection, method, data, size,
                                                  *static_cast<State::Request*>(*request));
    };
    const auto completed = [](void*, MHD_Connection*, void** request, MHD_RequestTerminationCode) {
        delete static_cast<State::Request*>(*request);
    };
    const SocketAddress address(at);
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD;
    if (at.address.v6)
        flags |= MHD_USE_IPv6;
    state->daemon = MHD_start_daemon(
        flags, at.port, nullptr, nullptr, +take, state.get(), MHD_OPTION_SOCK_ADDR, address.get(),
        MHD_OPTION_CONNECTION_LIMIT, max_connections, MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds,
        MHD_OPTION_NOTIFY_COMPLETED, +completed, nullptr, MHD_OPTION_END);
    if (state->daemon == nullptr)
        return fail_errno("listen", at.to_string());
    return HttpServer(std::move(state));
}

std::uint16_t HttpServer::port() const {
    return MHD_get_daemon_info(state_->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

} // namespace msb::mcp
