// Whom a guest's QUIC connections ask for: the ClientHello in a client's first packets. Nothing is
// changed; what is not allowed does not go out.
//
// One reader watches one flow, on which a client may have several connections, one after another or
// at once. Datagrams of a connection are held until its ClientHello is whole and admitted; those
// without Initial packets mean nothing to a server that has not seen one, and just pass.
//
// A guest may send anything, and what counts is what the server reads. So what could be read in two
// ways is refused: a packet that the keys of two connections open, bytes of a ClientHello that
// differ from what was at their place before, packets of a connection that we do not know.
#pragma once

#include "net/flow.hpp"
#include "net/quic/initial.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace msb::net::quic {

class FlowReader {
  public:
    /// In the life of a flow: beyond these its QUIC is refused, until it was idle and is a new one.
    static constexpr std::size_t most_connections = 32;
    /// Of all connections together: ClientHellos, and datagrams that are held.
    static constexpr std::size_t most_bytes = std::size_t{64} << 10;

    /// Whether a datagram has to be given to take().
    static bool concerns(BytesView datagram);

    /// What may go out now that a datagram has come: it and those that were held for its sake; none
    /// while more has to come. Nothing at all: it is refused. `admits` is asked about each opening.
    std::optional<std::vector<Bytes>> take(BytesView datagram,
                                           const std::function<bool(const Opening&)>& admits);
    /// What the connections on this flow asked for.
    const std::vector<std::string>& server_names() const { return names_; }
    std::size_t held_bytes() const;

  private:
    struct Connection {
        explicit Connection(BytesView destination)
            : destination(destination.begin(), destination.end()) {}
        const ClientKeys& keys(std::uint32_t version);
        bool add_frames(BytesView frames);
        bool add_crypto(std::uint64_t offset, BytesView data);
        void refuse();

        Bytes destination; ///< of its first packet
        std::optional<ClientKeys> keys1, keys2;
        std::uint64_t expected = 0; ///< the next packet number
        // The stream of handshake messages: what is known of it, from its beginning to `whole`
        // without a gap, and judged up to `judged`.
        Bytes stream;
        std::vector<bool> known;
        std::size_t whole = 0, judged = 0;
        unsigned hellos = 0;
        bool refused = false;
        std::vector<Bytes> held;
    };

    Connection* add(const LongPacket& packet);
    bool judge(Connection& connection, const std::function<bool(const Opening&)>& admits);

    std::deque<Connection> connections_;
    std::vector<std::string> names_;
};

} // namespace msb::net::quic
