// What is said on a connection of the host's before the guest's may go on over it. No sockets in here:
// bytes to send, and bytes that have come.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <string_view>

namespace msb::net {

class Handshake {
  public:
    /// The longest answer that is waited for.
    static constexpr std::size_t most_answer = 8192;

    virtual ~Handshake() = default;
    /// Who is spoken to, for errors.
    virtual std::string_view peer() const = 0;
    /// What is to be sent now; nothing if there is nothing, or it was taken.
    virtual Bytes take_output() = 0;
    /// Looks at what has come and was not taken yet; returns how much of it belongs to the handshake.
    /// What is behind that, when done(), comes from the destination. An error: the peer refuses, or
    /// its answer is none.
    virtual Result<std::size_t> take(BytesView data) = 0;
    virtual bool done() const = 0;
};

} // namespace msb::net
