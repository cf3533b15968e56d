#include "tls/connection.hpp"

#include "base/log.hpp"
#include "base/time.hpp"
#include "json/text.hpp"
#include "net/deny/answer.hpp"
#include "net/report.hpp"
#include "tls/content/http1.hpp"
#include "tls/content/http2.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/epoll.h>

namespace msb::tls {

namespace {

using namespace std::chrono_literals;

/// For both handshakes, and for a guest to fetch why it is refused.
constexpr auto handshake_time = 30s, explanation_time = 10s, linger_time = 5s;
constexpr std::size_t piece = std::size_t{16} << 10; // a record's
constexpr int pieces_at_once = 64;                   // then others have their turn
constexpr std::size_t longest_head = std::size_t{8} << 10;
constexpr std::string_view http1 = "http/1.1", http2 = "h2";

Connection* owner_of(const SSL* ssl) {
    return static_cast<Connection*>(SSL_get_app_data(ssl));
}

/// The names of ALPN: each with its length before it.
std::string find_protocol(BytesView list, std::string_view wanted) {
    for (std::size_t at = 0; at < list.size(); at += 1 + std::size_t{list[at]}) {
        const std::size_t size = std::min<std::size_t>(list[at], list.size() - at - 1);
        if (as_text(list.subspan(at + 1, size)) == wanted)
            return std::string(wanted);
    }
    return {};
}

} // namespace

Connection::Connection(Shared& shared, net::Handover handover, OwnedFd guest, OwnedFd upstream)
    : shared_(shared), handover_(std::move(handover)),
      host_(handover_.name.empty() ? handover_.destination.address.to_string() : handover_.name),
      place_(host_ + ":" + std::to_string(handover_.destination.port)), guest_(std::move(guest)),
      upstream_(std::move(upstream)) {}

Connection::~Connection() {
    shared_.loop.cancel(deadline_);
    for (const Side* const side : {&guest_, &upstream_})
        shared_.loop.unwatch(side->socket());
}

Status Connection::start(std::function<void()> over) {
    over_ = std::move(over);
    for (const Side* const side : {&guest_, &upstream_})
        MSB_TRY(shared_.loop.watch(side->socket(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                   [this](std::uint32_t) {
                                       const auto keep = shared_from_this();
                                       advance();
                                   }));
    if (!handover_.tls) {
        begin_talking();
        return {};
    }
    SslPtr ssl(SSL_new(shared_.guest_context));
    if (!ssl)
        return fail(openssl_error("preparing for TLS"));
    SSL_set_app_data(ssl.get(), this);
    SSL_set_accept_state(ssl.get());
    guest_.secure(std::move(ssl));
    deadline_ = shared_.loop.after(handshake_time, [this] {
        deadline_ = 0;
        const auto keep = shared_from_this();
        if (phase_ != Phase::connecting)
            return close();
        refuse("the server did not finish its handshake in 30 s");
        advance();
    });
    return {};
}

void Connection::advance() {
    for (int turn = 0; turn < pieces_at_once; ++turn)
        if (phase_ == Phase::over || step() == Next::wait)
            return;
    shared_.loop.post([weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->advance();
    });
}

Connection::Next Connection::step() {
    switch (phase_) {
    case Phase::hello: return read_hello();
    case Phase::connecting: return connect();
    case Phase::answering: return answer();
    case Phase::talking: return talk();
    case Phase::explaining: return explain();
    case Phase::lingering: return linger();
    case Phase::over: break;
    }
    return Next::wait;
}

// ---- handshakes ----

/// The guest's hello is in, for the first time or after our own was asked for again. What was judged
/// is the name that netd read in it.
int Connection::hello_seen(SSL* ssl, int* alert, void*) {
    Connection& self = *owner_of(ssl);
    if (self.may_answer_)
        return SSL_CLIENT_HELLO_SUCCESS;
    const unsigned char* list = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list,
                                  &size) == 1) {
        constexpr std::size_t header = 2;
        if (size <= header) {
            *alert = SSL_AD_DECODE_ERROR;
            return SSL_CLIENT_HELLO_ERROR;
        }
        self.offered_.assign(list + header, list + size);
    }
    return SSL_CLIENT_HELLO_RETRY;
}

int Connection::choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* size,
                                const unsigned char*, unsigned int, void*) {
    const Connection& self = *owner_of(ssl);
    if (self.protocol_.empty())
        return SSL_TLSEXT_ERR_NOACK;
    *out = reinterpret_cast<const unsigned char*>(self.protocol_.data());
    *size = static_cast<unsigned char>(self.protocol_.size());
    return SSL_TLSEXT_ERR_OK;
}

int Connection::session_made(SSL* ssl, SSL_SESSION* session) {
    Connection& self = *owner_of(ssl);
    self.shared_.upstreams.remember(self.place_, SessionPtr(session));
    return 1; // the reference is ours
}

Result<ContextPtr> Connection::make_guest_context() {
    ContextPtr context(SSL_CTX_new(TLS_server_method()));
    if (!context)
        return fail(openssl_error("preparing for TLS"));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_client_hello_cb(context.get(), hello_seen, nullptr);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    // Guests resume sessions by tickets alone: nothing is kept for them here.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    constexpr std::array<unsigned char, 3> name{'m', 's', 'b'};
    SSL_CTX_set_session_id_context(context.get(), name.data(), name.size());
    return context;
}

Connection::Next Connection::read_hello() {
    switch (guest_.handshake()) {
    case Side::Io::later: return Next::wait;
    case Side::Io::hello: break;
    default: close(); return Next::wait;
    }
    phase_ = Phase::connecting;
    if (const Status begun = begin_upstream(); !begun)
        refuse(begun.error().message());
    return Next::again;
}

Status Connection::begin_upstream() {
    SslPtr ssl = MSB_TRY(shared_.upstreams.connect(host_, place_));
    SSL_set_app_data(ssl.get(), this);
    SSL_set_connect_state(ssl.get());
    if (!offered_.empty())
        SSL_set_alpn_protos(ssl.get(), offered_.data(), static_cast<unsigned>(offered_.size()));
    upstream_.secure(std::move(ssl));
    return {};
}

Connection::Next Connection::connect() {
    switch (upstream_.handshake()) {
    case Side::Io::later: return Next::wait;
    case Side::Io::done: break;
    default: refuse(upstream_.problem()); return Next::again;
    }
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(upstream_.ssl(), &chosen, &size);
    protocol_.assign(reinterpret_cast<const char*>(chosen), size);
    phase_ = Phase::answering;
    return Next::again;
}

/// The guest is answered nevertheless, so that whoever asked can read why.
void Connection::refuse(std::string reason) {
    log::info("{}: refused: {}", place_, reason);
    refusal_ = std::move(reason);
    protocol_ = find_protocol(offered_, http1);
    phase_ = Phase::answering;
    upstream_.finish(false);
}

Status Connection::prepare_answer() {
    X509* const leaf = MSB_TRY(shared_.authority.leaf(host_));
    SSL* const ssl = guest_.ssl();
    if (SSL_use_certificate(ssl, leaf) != 1 ||
        SSL_use_PrivateKey(ssl, shared_.authority.leaf_key()) != 1)
        return fail(openssl_error("the certificate for " + host_));
    for (const CertificatePtr& one : shared_.authority.chain())
        SSL_add1_chain_cert(ssl, one.get());
    may_answer_ = true;
    return {};
}

Connection::Next Connection::answer() {
    if (!may_answer_) {
        if (const Status prepared = prepare_answer(); !prepared) {
            log::warn("{}: {}", place_, prepared.error().to_string());
            close();
            return Next::wait;
        }
    }
    switch (guest_.handshake()) {
    case Side::Io::later: return Next::wait;
    case Side::Io::done: break;
    default: close(); return Next::wait;
    }
    shared_.loop.cancel(std::exchange(deadline_, 0));
    if (refusal_.empty()) {
        begin_talking();
    } else {
        phase_ = Phase::explaining;
        close_after(explanation_time);
    }
    return Next::again;
}

// ---- what goes over it ----

/// Reads one piece, if there is room for it. False: nothing came.
bool Connection::fill(Side& from, OutBuffer& into, bool& ended) {
    if (ended || into.size() >= shared_.buffer_limit())
        return false;
    static std::array<std::uint8_t, piece> bytes; // one thread
    const auto moved = from.read(bytes);
    if (moved.io == Side::Io::done)
        into.append(BytesView(bytes).first(moved.count));
    else if (moved.io != Side::Io::later)
        ended = true;
    return moved.io != Side::Io::later;
}

/// Writes what the other side takes. False: nothing went.
bool Connection::drain(OutBuffer& from, Side& to) {
    bool any = false;
    while (!from.empty()) {
        const auto moved = to.write(from.view());
        if (moved.io == Side::Io::later)
            return any;
        if (moved.io != Side::Io::done) {
            close();
            return false;
        }
        from.consume(moved.count);
        any = true;
    }
    return any;
}

void Connection::begin_talking() {
    phase_ = Phase::talking;
    if (shared_.secrets->empty())
        return;
    Peers peers{.name = host_,
                .names = handover_.names,
                .destination = handover_.destination,
                .tls = handover_.tls,
                .verified = shared_.upstreams.is_verified(host_)};
    if (protocol_ == http2)
        conversation_ = std::make_unique<Http2Conversation>(std::move(peers), shared_.secrets,
                                                            static_cast<Observer&>(*this));
    else
        conversation_ = std::make_unique<Http1Conversation>(std::move(peers), shared_.secrets,
                                                            static_cast<Observer&>(*this));
}

/// Reads one piece from a side, for the conversation or for the other side. False: nothing came.
bool Connection::receive(Side& from, OutBuffer& other, bool& ended) {
    if (!conversation_)
        return fill(from, other, ended);
    const bool is_guest = &from == &guest_;
    OutBuffer& into = is_guest ? conversation_->to_upstream() : conversation_->to_guest();
    if (ended || conversation_->ended() || into.size() >= shared_.buffer_limit() ||
        (is_guest ? conversation_->guest_waits() : conversation_->upstream_waits()))
        return false;
    static std::array<std::uint8_t, piece> bytes; // one thread
    const auto moved = from.read(bytes);
    if (moved.io == Side::Io::later)
        return false;
    if (moved.io == Side::Io::done) {
        const BytesView data = BytesView(bytes).first(moved.count);
        is_guest ? conversation_->from_guest(data) : conversation_->from_upstream(data);
    } else {
        ended = true;
        is_guest ? conversation_->guest_ended() : conversation_->upstream_ended();
    }
    return true;
}

Connection::Next Connection::talk() {
    OutBuffer& to_upstream = conversation_ ? conversation_->to_upstream() : to_upstream_;
    OutBuffer& to_guest = conversation_ ? conversation_->to_guest() : to_guest_;
    bool any = receive(guest_, to_upstream, guest_ended_);
    any = receive(upstream_, to_guest, upstream_ended_) || any;
    if (conversation_)
        conversation_->refill();
    any = drain(to_upstream, upstream_) || any;
    if (phase_ != Phase::over)
        any = drain(to_guest, guest_) || any;
    if (phase_ == Phase::over)
        return Next::wait;
    // A guest that has ended may still get an answer; when the upstream has ended, it is over.
    if (guest_ended_ && to_upstream.empty() && !std::exchange(upstream_told_, true))
        upstream_.finish(guest_.ended_whole());
    // What a conversation ends itself is whole. It may have more for the guest when the upstream has ended.
    if ((conversation_ ? conversation_->ended() : upstream_ended_) && to_guest.empty())
        end_guest(!upstream_ended_ || upstream_.ended_whole());
    return any ? Next::again : Next::wait;
}

/// Of net/ledger: beside flows and lookups.
void Connection::violation(const Violation& violation) {
    if (violation.action == Action::block)
        return;
    const json::Value entry = {
        {"t", format_rfc3339(unix_time_ns(), 3, "Z")},
        {"type", "secret"},
        {"direction", "out"},
        {"protocol", violation.protocol},
        {"name", host_},
        {"address", handover_.destination.address.to_string()},
        {"port", handover_.destination.port},
        {"outcome", "denied"},
        {"reason", "the placeholder of the secret " + violation.env + " may not be sent there"},
        {"secret",
         {{"action", to_string(violation.action)},
          {"secret_env_var", violation.env},
          {"placeholder", violation.placeholder},
          {"protocol", violation.protocol},
          {"sni", json::or_null(handover_.name)},
          {"host", json::or_null(violation.host)},
          {"method", json::or_null(violation.method)},
          {"path", json::or_null(violation.path)},
          {"location", violation.location},
          {"match_form", to_string(violation.form)},
          {"guest_dst", handover_.destination.to_string()},
          {"http2_stream_id",
           violation.stream == 0 ? json::Value() : json::Value(violation.stream)}}}};
    shared_.tell(network_entry, json::to_text(entry));
    log::write(violation.action == Action::block_and_terminate ? log::Level::error
                                                               : log::Level::warn,
               "secret violation: " + json::to_text(*entry.find("secret")));
}

void Connection::scrubbed(const std::string& env) {
    if (!scrubbed_.insert(env).second)
        return; // once a connection
    shared_.tell(network_entry,
                 json::to_text({{"t", format_rfc3339(unix_time_ns(), 3, "Z")},
                                {"type", "secret"},
                                {"direction", "in"},
                                {"protocol", protocol_ == http2 ? "http/2" : "http/1.1"},
                                {"name", host_},
                                {"address", handover_.destination.address.to_string()},
                                {"port", handover_.destination.port},
                                {"outcome", "scrubbed"},
                                {"reason", "the value of the secret " + env + " came back"},
                                {"secret", {{"secret_env_var", env}}}}));
}

void Connection::terminate() {
    shared_.tell(tls_terminate, "a placeholder was sent where it may not go, to " + host_);
}

void Connection::end_guest(bool whole) {
    guest_.finish(whole);
    if (guest_ended_)
        return close();
    phase_ = Phase::lingering;
    close_after(linger_time);
}

Connection::Next Connection::linger() {
    to_upstream_.clear();
    const bool any = fill(guest_, to_upstream_, guest_ended_);
    if (guest_ended_)
        close();
    return any ? Next::again : Next::wait;
}

void Connection::close_after(std::chrono::milliseconds time) {
    shared_.loop.cancel(deadline_);
    deadline_ = shared_.loop.after(time, [this] {
        deadline_ = 0;
        const auto keep = shared_from_this();
        close();
    });
}

/// A request is waited for, since an answer without one means nothing to a client.
Connection::Next Connection::explain() {
    if (fill(guest_, to_upstream_, guest_ended_)) { // which goes nowhere
        const std::string_view request = as_text(to_upstream_.view());
        if (net::end_of_head(request) == std::string_view::npos && request.size() < longest_head &&
            !guest_ended_)
            return Next::again;
        const std::string answer = net::http_answer(
            request, {.status = "502 Bad Gateway",
                      .code = "upstream_not_trusted",
                      .lead = "msb: TLS is intercepted, and the server was refused",
                      .reason = host_ + ": " + refusal_,
                      .remedy_lead = "What trusts it, on the host",
                      .remedy = "--tls-upstream-ca-cert-for '" + host_ +
                                "=CA.pem', or --tls-bypass '" + host_ + "'",
                      .name = host_});
        to_guest_.append(as_bytes(answer));
        drain(to_guest_, guest_); // it fits the socket: nothing else was sent
        if (phase_ != Phase::over)
            end_guest(true);
        return Next::again;
    }
    return Next::wait;
}

void Connection::close() {
    if (phase_ == Phase::over)
        return;
    phase_ = Phase::over;
    for (const Side* const side : {&guest_, &upstream_})
        shared_.loop.unwatch(side->socket());
    shared_.loop.cancel(std::exchange(deadline_, 0));
    shared_.loop.post(std::move(over_));
}

} // namespace msb::tls
