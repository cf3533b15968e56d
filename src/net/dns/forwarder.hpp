// The name server on the gateway's addresses: answers questions about the sandbox's own network,
// and asks the host's resolvers about all others.
#pragma once

#include "net/dialer.hpp"
#include "net/dns/exchange.hpp"
#include "net/dns/names.hpp"
#include "net/output.hpp"
#include "net/policy/groups.hpp"

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
    };
    static constexpr std::size_t max_exchanges = 128;
    static constexpr std::size_t max_streams = 16;

    /// `gate` is asked about each lookup.
    DnsForwarder(EventLoop& loop, Output& output, Dialer& gate, Config config);
    ~DnsForwarder();

    void datagram(const Endpoint& guest, const Endpoint& server, BytesView message);
    /// The other end of a connection of the guest to port 53.
    Result<OwnedFd> open_stream();
    void link_reset();

    std::size_t exchange_count() const { return exchanges_.size(); }
    /// What the guest was answered.
    const NameMemory& names() const { return names_; }

  private:
    class Stream;
    using Reply = std::function<void(const Bytes&)>;

    /// Answers at once, or when the resolvers have answered; not at all if the message is invalid
    /// or a bound is reached.
    void answer(BytesView message, bool stream, const Reply& reply);
    Status admit(const dns::Question& question, bool stream);
    std::optional<Bytes> answer_here(BytesView message, const dns::Query& query) const;
    void learn(BytesView asked, const dns::Question& question, BytesView answer);
    void forget(Stream& stream);

    EventLoop& loop_;
    Output& output_;
    Dialer& gate_;
    Config config_;
    NameMemory names_;
    Resolvers resolvers_;
    std::uint64_t next_exchange_ = 1;
    std::map<std::uint64_t, std::unique_ptr<DnsExchange>> exchanges_;
    std::map<Stream*, std::shared_ptr<Stream>> streams_;
};

} // namespace msb::net
