// The switch of a private network: who is a member, and whose each flow is. It carries no data: a flow
// is a socket pair between two netd, of which it hands on one end.
//
// Members cannot pass for others: a member is the other end of a socket pair that a command has handed
// in with the address, and what is said over it is said from there. What one says is told to the one it
// is for, and to nobody else; who is there is told to all.
#pragma once

#include "base/event_loop.hpp"
#include "base/packet.hpp"
#include "net/members/message.hpp"

#include <map>
#include <memory>

namespace msb::net {

class MemberSwitch {
  public:
    static constexpr std::chrono::seconds idle_time{2};

    /// `listener`: for commands, one message and one answer each: JSON (switch_request.hpp).
    MemberSwitch(EventLoop& loop, OwnedFd listener);
    ~MemberSwitch();
    MemberSwitch(const MemberSwitch&) = delete;
    MemberSwitch& operator=(const MemberSwitch&) = delete;
    Status start();

    /// Called when there has been no member for a while.
    std::function<void()> idle;

    std::size_t count() const { return members_.size(); }
    /// Takes the place of who had the address, or the name.
    Status join(const IpAddress& address, const std::string& name, OwnedFd channel);

  private:
    struct Member {
        std::string name;
        OwnedFd channel;
        bool behind = false; ///< has to be told who is there as soon as there is room
    };
    struct Client {
        OwnedFd socket;
        EventLoop::TimerId deadline = 0;
    };

    void accept();
    void serve(int client);
    Status take(Packet packet);
    void drop_client(int client);
    void event(const IpAddress& of, std::uint32_t events);
    void receive(const IpAddress& from);
    void pass_on(const IpAddress& from, const MemberFlow& flow, const OwnedFd& socket);
    void remove(const IpAddress& address);
    void leave(const IpAddress& address);
    void tell(Member& member, const Bytes& table);
    void tell_all();
    Bytes table() const;
    void watch_idleness();

    EventLoop& loop_;
    OwnedFd listener_;
    std::map<IpAddress, Member> members_;
    std::map<int, Client> clients_;
    EventLoop::TimerId idle_timer_ = 0;
};

} // namespace msb::net
