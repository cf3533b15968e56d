// The plaintext of one intercepted connection, between the guest's TLS and the upstream's.
//
// What the guest sends is read strictly as requests and written anew, so that the server sees what was judged and
// nothing else; what the server sends is followed as far as it takes to know where each answer ends. What happens
// to them in between is the same for all versions of HTTP: request_filter.hpp, response_filter.hpp.
//
// Nothing waits: bytes go in, bytes come out, and what has to be collected is bounded.
#pragma once

#include "base/out_buffer.hpp"
#include "tls/content/observer.hpp"

#include <memory>

namespace msb::tls {

class Conversation {
  public:
    virtual ~Conversation() = default;

    virtual void from_guest(BytesView data) = 0;
    virtual void guest_ended() = 0;
    virtual void from_upstream(BytesView data) = 0;
    virtual void upstream_ended() = 0;
    /// Counts for requests that have not begun yet.
    virtual void replace_secrets(std::shared_ptr<const SecretSet> secrets) = 0;

    /// Called before what is below is read: fills the buffers, if more is there than they had room for.
    virtual void refill() {}
    OutBuffer& to_guest() { return to_guest_; }
    OutBuffer& to_upstream() { return to_upstream_; }
    /// Nothing more is read of this side until the other one, or itself, has taken what there is.
    virtual bool guest_waits() const = 0;
    virtual bool upstream_waits() const { return false; }
    /// Bytes that it keeps.
    virtual std::size_t held() const = 0;
    /// Nothing more is read: send what the buffers hold, then close both sides.
    bool ended() const { return ended_; }

  protected:
    OutBuffer to_guest_, to_upstream_;
    bool ended_ = false;
};

} // namespace msb::tls
