// A sandbox's place in a private network, as its netd sees it: who else is there, and the way to them.
//
// A network carries flows, not frames. What a guest sends to another member ends in its own netd, as
// everything does; that makes a socket pair and sends one end of it to the switch, with the ports. The
// switch says to the other netd whose it is, which asks its own policy and goes on as if a published
// port had been connected to. So a guest never sees a frame of another guest, cannot speak in another
// one's name, and what two members say to each other passes through no third process.
#pragma once

#include "base/event_loop.hpp"
#include "net/dialer.hpp"
#include "net/members/message.hpp"
#include "net/members/plan.hpp"
#include "net/policy/groups.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace msb::net {

class Membership {
  public:
    /// `door`: a listening socket, over which commands hand in the connection to the switch, also
    /// again when the switch is another one.
    Membership(EventLoop& loop, MembershipPlan plan, OwnedFd door);
    ~Membership();
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;
    Status start();

    /// Called with each flow that another member begins: from its address, to a port of the guest.
    std::function<void(const Flow&, OwnedFd)> arrived;

    /// Whether an address, or what it contains, is the network's.
    bool has(const IpAddress& address) const;
    /// The way to a member. unreachable if there is none; busy if there is no room for one more.
    Result<Dialled> open(const Flow& flow) const;
    /// What a name of the network means. Nothing: it is none of the network's.
    struct Answer {
        bool exists = false;
        std::optional<IpAddress> address; ///< IPv4
    };
    std::optional<Answer> look_up(std::string_view name) const;
    /// The whole name of a member, for rules and records; none if it is not there.
    std::vector<std::string> names_of(const IpAddress& address) const;
    bool is_there(const IpAddress& address) const { return members_.contains(member_v4(address)); }

  private:
    void accept();
    void take_channel(int client);
    void receive();
    void take(const MemberFlow& flow, OwnedFd socket) const;
    void leave();

    EventLoop& loop_;
    MembershipPlan plan_;
    OwnedFd door_, client_, channel_;
    std::map<IpAddress, std::string> members_; ///< by their IPv4 addresses
};

} // namespace msb::net
