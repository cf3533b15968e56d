// The name server on the gateway's addresses: answers questions about the sandbox's own network,
// and asks the host's resolvers about all others. Questions that a guest sends to another server
// come here, too, and go on to that one; they are judged by the name and by the server.
//
// What an answer holds is judged before the guest gets it: names that it is an alias of, and
// addresses that nobody opened.
#pragma once

#include "dns/records.hpp"
#include "net/dialer.hpp"
#include "net/dns/exchange.hpp"
#include "net/dns/names.hpp"
#include "net/dns/resolver_file.hpp"
#include "net/members/membership.hpp"
#include "net/output.hpp"
#include "net/policy/groups.hpp"

#include <map>
#include <memory>

namespace msb::net {

class DnsForwarder {
  public:
    struct Config {
        std::vector<Endpoint> resolvers;
        std::string resolver_file{}; ///< that these follow; empty: none
        Gateways gateways; ///< of the active families; others have no addresses for the guest
        std::chrono::milliseconds time = DnsExchange::usual_time; ///< for one question
        const Membership* membership = nullptr;                   ///< has names, too
    };
    static constexpr std::size_t max_exchanges = 128;
    static constexpr std::size_t max_streams = 16;

    /// `gate` is asked about each lookup.
    DnsForwarder(EventLoop& loop, Output& output, Dialer& gate, Config config);
    ~DnsForwarder();

    void datagram(const Endpoint& guest, const Endpoint& server, BytesView message);
    /// The other end of a connection of the guest to port 53 of `server`.
    Result<OwnedFd> open_stream(const Endpoint& guest, const Endpoint& server);
    /// Questions that come from now on are asked there.
    void set_resolvers(std::vector<Endpoint> addresses);
    void link_reset();

    std::size_t exchange_count() const { return exchanges_.size(); }
    /// What the guest was answered.
    const NameMemory& names() const { return names_; }

  private:
    class Stream;
    using Reply = std::function<void(const Bytes&)>;

    /// A question, and how it came.
    struct Asked {
        Bytes message;
        dns::Query query;
        Endpoint guest, server;
        bool stream = false;
    };

    /// Answers at once, or when the resolvers have answered; not at all if the message is invalid
    /// or a bound is reached.
    void answer(Asked asked, const Reply& reply);
    Flow lookup_of(const Asked& asked) const;
    Status admit(const Asked& asked);
    std::optional<Bytes> answer_of_network(const Asked& asked) const;
    std::optional<Bytes> answer_here(const Asked& asked) const;
    void ask(Asked asked, const Reply& reply);
    /// What the guest gets of a resolver's answer.
    Bytes pass_on(const Asked& asked, std::optional<Bytes> answer);
    Status judge(const Asked& asked, dns::Contents& contents);
    bool is_gateway(const IpAddress& address) const;
    void forget(Stream& stream);

    EventLoop& loop_;
    Output& output_;
    Dialer& gate_;
    Config config_;
    NameMemory names_;
    std::shared_ptr<Resolvers> resolvers_;
    ResolverFile resolver_file_;
    std::uint64_t next_exchange_ = 1;
    std::map<std::uint64_t, std::unique_ptr<DnsExchange>> exchanges_;
    std::map<Stream*, std::shared_ptr<Stream>> streams_;
};

} // namespace msb::net
