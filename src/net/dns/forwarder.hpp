// The name server on the gateway's addresses: answers questions about the sandbox's own network,
// and asks the host's resolvers about all others.
#pragma once

#include "net/dns/exchange.hpp"
#include "net/output.hpp"
#include "net/policy/policy.hpp"

#include <map>
#include <memory>

namespace msb::net {

/// The name of the host, as a guest sees it.
inline constexpr std::string_view host_alias = "host.microsandbox.internal";

class DnsForwarder {
  public:
    struct Config {
        std::vector<Endpoint> resolvers;
        Gateways gateways; ///< of the active families; others have no addresses for the guest
        bool allowed = false;
    };
    static constexpr std::size_t max_exchanges = 128;
    static constexpr std::size_t max_streams = 16;

    DnsForwarder(EventLoop& loop, Output& output, Config config);
    ~DnsForwarder();

    void datagram(const Endpoint& guest, const Endpoint& server, BytesView message);
    /// The other end of a connection of the guest to port 53.
    Result<OwnedFd> open_stream();
    void link_reset();

    std::size_t exchange_count() const { return exchanges_.size(); }

  private:
    class Stream;
    using Reply = std::function<void(const Bytes&)>;

    /// Answers at once, or when the resolvers have answered; not at all if the message is invalid
    /// or a bound is reached.
    void answer(BytesView message, bool stream, const Reply& reply);
    std::optional<Bytes> answer_here(BytesView message, const dns::Query& query) const;
    void forget(Stream& stream);

    EventLoop& loop_;
    Output& output_;
    Config config_;
    Resolvers resolvers_;
    std::uint64_t next_exchange_ = 1;
    std::map<std::uint64_t, std::unique_ptr<DnsExchange>> exchanges_;
    std::map<Stream*, std::shared_ptr<Stream>> streams_;
};

} // namespace msb::net
