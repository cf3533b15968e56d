#include "net/members/switch.hpp"

#include "base/log.hpp"
#include "net/members/switch_request.hpp"

#include <array>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr std::size_t most_clients = 64;
constexpr std::chrono::seconds client_time{5};

} // namespace

MemberSwitch::MemberSwitch(EventLoop& loop, OwnedFd listener)
    : loop_(loop), listener_(std::move(listener)) {}

MemberSwitch::~MemberSwitch() {
    loop_.cancel(idle_timer_);
    loop_.unwatch(listener_.get());
    for (auto& [fd, client] : clients_) {
        loop_.cancel(client.deadline);
        loop_.unwatch(fd);
    }
    for (const auto& [address, member] : members_)
        loop_.unwatch(member.channel.get());
}

Status MemberSwitch::start() {
    watch_idleness();
    return loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

void MemberSwitch::watch_idleness() {
    loop_.cancel(std::exchange(idle_timer_, 0));
    if (members_.empty())
        idle_timer_ = loop_.after(idle_time, [this] {
            idle_timer_ = 0;
            if (idle)
                idle();
        });
}

// ---- commands ----

void MemberSwitch::accept() {
    OwnedFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket || clients_.size() >= most_clients)
        return;
    const int fd = socket.get();
    if (!loop_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) { serve(fd); }))
        return;
    clients_[fd] = {std::move(socket), loop_.after(client_time, [this, fd] { drop_client(fd); })};
}

void MemberSwitch::drop_client(int client) {
    const auto found = clients_.find(client);
    loop_.cancel(found->second.deadline);
    loop_.unwatch(client);
    clients_.erase(found);
}

void MemberSwitch::serve(int client) {
    auto packet = receive_packet(client, SwitchRequest::most_bytes);
    if (packet && !*packet)
        return;
    if (packet) {
        SwitchAnswer answer;
        if (const Status done = take(std::move(**packet)); !done)
            answer.error = done.error().to_string();
        for (const auto& [address, member] : members_)
            answer.members.push_back(address);
        (void)send_packet(client, as_bytes(answer.to_json()));
    }
    drop_client(client);
}

Status MemberSwitch::take(Packet packet) {
    const SwitchRequest request = MSB_TRY(SwitchRequest::from_json(as_text(packet.data)));
    if (request.member.empty())
        return {};
    if (packet.descriptors.size() != 1)
        return fail(ErrorKind::protocol, "a member comes with one descriptor");
    return join(request.address, request.member, std::move(packet.descriptors.front()));
}

Status MemberSwitch::join(const IpAddress& address, const std::string& name, OwnedFd channel) {
    if (!is_member_name(name) || address.v6)
        return fail(ErrorKind::invalid_argument, "not a member of a private network: " + name);
    remove(address);
    if (members_.size() >= most_members)
        return fail(ErrorKind::limit_exceeded, "the network is full");
    MSB_TRY(loop_.watch(channel.get(), EPOLLIN,
                        [this, address](std::uint32_t events) { event(address, events); }));
    members_[address] = {.name = name, .channel = std::move(channel)};
    tell_all();
    watch_idleness();
    return {};
}

// ---- members ----

void MemberSwitch::remove(const IpAddress& address) {
    const auto found = members_.find(address);
    if (found == members_.end())
        return;
    loop_.unwatch(found->second.channel.get());
    members_.erase(found);
}

void MemberSwitch::leave(const IpAddress& address) {
    remove(address);
    tell_all();
    watch_idleness();
}

Bytes MemberSwitch::table() const {
    MemberTable table;
    for (const auto& [address, member] : members_)
        table.members[address] = member.name;
    return encode(table);
}

/// One that is behind is told what holds then, so it misses nothing that still counts.
void MemberSwitch::tell(Member& member, const Bytes& table) {
    member.behind = !send_packet(member.channel.get(), table);
    (void)loop_.modify(member.channel.get(), member.behind ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void MemberSwitch::tell_all() {
    const Bytes now = table();
    for (auto& [address, member] : members_)
        tell(member, now);
}

void MemberSwitch::event(const IpAddress& of, std::uint32_t events) {
    if (Member& member = members_.at(of); member.behind && (events & EPOLLOUT) != 0)
        tell(member, table());
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0)
        receive(of);
}

/// One message a round: the others come to their turn.
void MemberSwitch::receive(const IpAddress& from) {
    auto packet = receive_packet(members_.at(from).channel.get(), most_member_message);
    if (packet && !*packet)
        return;
    if (!packet)
        return leave(from);
    const auto message = decode_member_message((*packet)->data);
    const auto* const flow = message ? std::get_if<MemberFlow>(&*message) : nullptr;
    if (flow == nullptr || (*packet)->descriptors.size() != 1) {
        log::warn("a member was put out: it said what a member does not say");
        return leave(from);
    }
    pass_on(from, *flow, (*packet)->descriptors.front());
}

/// If it cannot be, closing the socket says so.
void MemberSwitch::pass_on(const IpAddress& from, const MemberFlow& flow, const OwnedFd& socket) {
    const auto to = members_.find(flow.other);
    if (to == members_.end())
        return;
    MemberFlow told = flow;
    told.other = from;
    (void)send_packet(to->second.channel.get(), encode(told), std::array{socket.get()});
}

} // namespace msb::net
