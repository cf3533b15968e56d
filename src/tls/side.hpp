// One side of an intercepted connection: a socket, and TLS over it unless the connection has none.
// Nothing waits.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "tls/openssl.hpp"

namespace msb::tls {

class Side {
  public:
    explicit Side(OwnedFd socket) : socket_(std::move(socket)) {}
    /// TLS begins.
    void secure(SslPtr ssl);

    enum class Io {
        done,
        later, ///< when the socket is ready
        hello, ///< the server's side has the client's hello, and waits to be told how to go on
        ended, ///< nothing more is coming
        broken,
    };
    struct Moved {
        Io io = Io::later;
        std::size_t count = 0; ///< if done
    };
    Io handshake();
    Moved read(MutableBytesView into);
    Moved write(BytesView bytes);
    /// Tells the peer that nothing more is coming. It is not told so if what came from the other side
    /// may have been cut off.
    void finish(bool whole);

    int socket() const { return socket_.get(); }
    SSL* ssl() const { return ssl_.get(); }
    /// The peer has said itself that nothing more is coming; of a plain connection that is all it can.
    bool ended_whole() const { return whole_; }
    /// Why a handshake broke off, in words.
    std::string problem() const;

  private:
    Io outcome(int result);

    OwnedFd socket_; ///< closed after what uses it
    SslPtr ssl_;
    unsigned long error_ = 0;
    bool whole_ = false;
};

} // namespace msb::tls
