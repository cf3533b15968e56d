// One intercepted connection of a guest.
//
// Theory of operation. The guest's hello is read as far as the name and the protocols that it offers
// (ALPN); then the handshake with the upstream is made, with these; then the guest's is finished, with
// a certificate of ours for that name and the protocol that the upstream has chosen. So the two always
// agree, and a server that is not who the guest asked for never sees a byte of it.
//
//   hello -> connecting -> answering -> talking
//                 |            |
//                 +-- refused -+-> explaining   lingering -> over
//
// At the end the guest's side is read until the guest has closed it, because a socket that is closed
// before is a reset, which could overtake the last bytes.
//
// What is read on one side goes to the other, through what looks at the content. A side is not
// read while the other has not taken what there is.
#pragma once

#include "base/event_loop.hpp"
#include "base/out_buffer.hpp"
#include "net/intercept/handover.hpp"
#include "tls/authority.hpp"
#include "tls/content/conversation.hpp"
#include "tls/side.hpp"
#include "tls/upstream.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>

namespace msb::tls {

/// What all connections share.
struct Shared {
    EventLoop& loop;
    Authority& authority;
    Upstreams& upstreams;
    SSL_CTX* guest_context;
    std::function<std::size_t()> buffer_limit;       ///< of one direction
    std::function<bool(std::size_t bytes)> has_room; ///< for what conversations keep
    std::shared_ptr<const SecretSet> secrets;
    std::function<void(char kind, const std::string& text)> tell; ///< the runtime (net/report.hpp)
};

class Connection : public std::enable_shared_from_this<Connection>, private Observer {
  public:
    Connection(Shared& shared, net::Handover handover, OwnedFd guest, OwnedFd upstream);
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// `over`: called once, when it has ended.
    Status start(std::function<void()> over);

    /// Bytes that its conversation keeps.
    std::size_t held() const { return conversation_ ? conversation_->held() : 0; }

    void replace_secrets(std::shared_ptr<const SecretSet> secrets) {
        if (conversation_)
            conversation_->replace_secrets(std::move(secrets));
    }

    /// The server's side for all guests' connections; its callbacks find the Connection.
    static Result<ContextPtr> make_guest_context();

  private:
    enum class Phase { hello, connecting, answering, talking, explaining, lingering, over };
    enum class Next { again, wait };

    void advance();
    Next step();
    Next read_hello();
    Next connect();
    Next answer();
    Next talk();
    Next explain();
    bool fill(Side& from, OutBuffer& into, bool& ended);
    bool receive(Side& from, OutBuffer& other, bool& ended);
    void begin_talking();
    bool drain(OutBuffer& from, Side& to);
    void refuse(std::string reason);
    Status begin_upstream();
    Status prepare_answer();
    Next linger();
    void end_guest(bool whole);
    void close_after(std::chrono::milliseconds time);
    void close();

    // Of the conversation.
    void violation(const Violation& violation) override;
    void scrubbed(const std::string& env) override;
    void terminate() override;
    bool has_room(std::size_t bytes) override { return shared_.has_room(bytes); }

    // OpenSSL's callbacks.
    static int hello_seen(SSL* ssl, int* alert, void*);
    static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* size,
                               const unsigned char* offered, unsigned int offered_size, void*);
    static int session_made(SSL* ssl, SSL_SESSION* session);
    friend class Service;

    Shared& shared_;
    net::Handover handover_;
    std::string host_;  ///< whom the upstream has to prove to be: a name, or an address
    std::string place_; ///< that, and the port
    Side guest_, upstream_;
    Phase phase_ = Phase::hello;
    std::function<void()> over_;
    EventLoop::TimerId deadline_ = 0;

    Bytes offered_;        ///< the guest's protocols, as ALPN has them
    std::string protocol_; ///< that was chosen; empty: none
    bool may_answer_ = false;
    std::string refusal_; ///< why the guest is not connected

    OutBuffer to_guest_, to_upstream_;
    std::unique_ptr<Conversation> conversation_;        ///< where there are secrets, between these
    bool guest_ended_ = false, upstream_ended_ = false; ///< nothing more comes from there
    std::set<std::string> scrubbed_;                    ///< secrets whose values came back
    bool upstream_told_ = false;                        ///< that nothing more comes from the guest
};

} // namespace msb::tls
