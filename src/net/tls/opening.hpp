// How a guest's TCP connection begins: with TLS that asks for a server by name (RFC 8446 §4.1.2,
// RFC 6066 §3), or with something else. Nothing is decrypted and nothing is changed.
//
// A reader is given what the guest sent and was not cleared yet, as often as there is more. A server
// may ask for a second ClientHello, which could ask for another name; so the reader is also given
// what the server says, until that shows whether there is one to come.
#pragma once

#include "base/bytes.hpp"
#include "net/flow.hpp"
#include "net/tls/hello.hpp"

namespace msb::net {

class OpeningReader {
  public:
    /// All of a ClientHello, with the headers of the records that it is cut into.
    static constexpr std::size_t most_bytes = longest_hello;

    enum class Kind {
        wait,    ///< more has to come before anything can be said
        opening, ///< `size` bytes say what the connection is; they may go on if that may be
        passed,  ///< `size` bytes may go on
        over,    ///< all that is left may go on
        broken,  ///< begins like TLS and is not
    };
    struct Step {
        Kind kind = Kind::wait;
        std::size_t size = 0;
        Opening opening;
    };
    /// `ended`: there will not be more.
    Step next(BytesView bytes, bool ended);
    /// What the server sent, in pieces.
    void server(BytesView piece);

  private:
    Step first(BytesView bytes);
    Step following(BytesView bytes);
    Step hello(BytesView bytes);

    enum class Server { silent, wants_another, satisfied };

    bool started_ = false; ///< the first ClientHello was seen
    bool over_ = false;
    Server server_ = Server::silent;
    Bytes server_bytes_;
    std::size_t left_of_record_ = 0; ///< to be passed
};

} // namespace msb::net
