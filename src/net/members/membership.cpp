#include "net/members/membership.hpp"

#include "base/log.hpp"
#include "base/packet.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr int messages_a_round = 16;

/// The other netd says when its guest has taken the connection; it closes what is refused.
class Acceptance final : public Handshake {
  public:
    std::string_view peer() const override { return "the other sandbox"; }
    Bytes take_output() override { return {}; }
    Result<std::size_t> take(BytesView data) override {
        if (data.empty())
            return 0;
        if (data[0] != member_accepted)
            return fail(ErrorKind::protocol, "the other sandbox's network makes no sense");
        accepted_ = true;
        return 1;
    }
    bool done() const override { return accepted_; }

  private:
    bool accepted_ = false;
};

/// Packets for UDP: a socket of datagrams could send to any other of this machine.
int type_of_pair(Protocol protocol) {
    return protocol == Protocol::udp ? int{SOCK_SEQPACKET} : int{SOCK_STREAM};
}

int option_of(int socket, int option) {
    int value = -1;
    socklen_t size = sizeof(value);
    return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == -1 ? -1 : value;
}

/// It comes from another sandbox's netd: it may be anything.
bool is_socket_of(Protocol protocol, const OwnedFd& socket) {
    return option_of(socket.get(), SO_DOMAIN) == AF_UNIX &&
           option_of(socket.get(), SO_TYPE) == type_of_pair(protocol) &&
           option_of(socket.get(), SO_ACCEPTCONN) == 0;
}

} // namespace

Membership::Membership(EventLoop& loop, MembershipPlan plan, OwnedFd door)
    : loop_(loop), plan_(std::move(plan)), door_(std::move(door)) {}

Membership::~Membership() {
    for (const OwnedFd* fd : {&door_, &client_, &channel_})
        if (*fd)
            loop_.unwatch(fd->get());
}

Status Membership::start() {
    return loop_.watch(door_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

/// One command at a time, the newest; it sends one message.
void Membership::accept() {
    OwnedFd client(::accept4(door_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client)
        return;
    if (client_)
        loop_.unwatch(client_.get());
    client_ = std::move(client);
    const int fd = client_.get();
    if (!loop_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) { take_channel(fd); }))
        client_.reset();
}

void Membership::take_channel(int client) {
    auto packet = receive_packet(client, most_member_message);
    if (packet && !*packet)
        return;
    loop_.unwatch(client);
    client_.reset();
    if (!packet || (*packet)->descriptors.size() != 1)
        return;
    leave();
    channel_ = std::move((*packet)->descriptors.front());
    if (!loop_.watch(channel_.get(), EPOLLIN, [this](std::uint32_t) { receive(); }))
        channel_.reset();
}

/// Flows that there are go on: they do not lead through the switch.
void Membership::leave() {
    members_.clear();
    if (!channel_)
        return;
    loop_.unwatch(channel_.get());
    channel_.reset();
}

void Membership::receive() {
    for (int i = 0; i < messages_a_round && channel_; ++i) {
        auto packet = receive_packet(channel_.get(), most_member_message);
        if (!packet) {
            log::warn("private network '{}': its switch has ended", plan_.network);
            return leave();
        }
        if (!*packet)
            return;
        auto message = decode_member_message((*packet)->data);
        auto& sockets = (*packet)->descriptors;
        if (!message)
            continue;
        if (auto* const table = std::get_if<MemberTable>(&*message))
            members_ = std::move(table->members);
        else if (sockets.size() == 1)
            take(std::get<MemberFlow>(*message), std::move(sockets.front()));
    }
}

void Membership::take(const MemberFlow& flow, OwnedFd socket) const {
    if (!arrived || !plan_.subnet.contains(flow.other) || !is_socket_of(flow.protocol, socket))
        return;
    const auto in_family = [&](const IpAddress& v4) { return flow.v6 ? member_v6(v4) : v4; };
    arrived({.direction = Direction::in,
             .protocol = flow.protocol,
             .source = {in_family(flow.other), flow.source_port},
             .destination = {in_family(plan_.address), flow.destination_port},
             .names = names_of(flow.other)},
            std::move(socket));
}

bool Membership::has(const IpAddress& address) const {
    return plan_.subnet.contains(member_v4(address));
}

Result<Dialled> Membership::open(const Flow& flow) const {
    const IpAddress& address = flow.destination.address;
    if (!channel_ || !is_there(address) || flow.protocol == Protocol::icmp)
        return fail(Error::from_errno(EHOSTUNREACH, "connect", flow.destination.to_string()));
    auto sides = MSB_TRY(sys::socket_pair(type_of_pair(flow.protocol) | SOCK_NONBLOCK));
    const MemberFlow message{.protocol = flow.protocol,
                             .v6 = address.v6,
                             .other = member_v4(address),
                             .source_port = flow.source.port,
                             .destination_port = flow.destination.port};
    MSB_TRY(send_packet(channel_.get(), encode(message), std::array{sides[1].get()}));
    Dialled dialled;
    dialled.socket = std::move(sides[0]);
    if (flow.protocol == Protocol::tcp)
        dialled.handshake = std::make_unique<Acceptance>();
    return dialled;
}

std::vector<std::string> Membership::names_of(const IpAddress& address) const {
    const auto found = members_.find(member_v4(address));
    if (found == members_.end())
        return {};
    return {found->second + "." + plan_.zone()};
}

std::optional<Membership::Answer> Membership::look_up(std::string_view name) const {
    const std::string zone = plan_.zone();
    std::string_view member = name;
    const bool below = name.size() > zone.size() && name.ends_with(zone) &&
                       name[name.size() - zone.size() - 1] == '.';
    if (below)
        member.remove_suffix(zone.size() + 1);
    else if (name == zone)
        return Answer{.exists = true, .address = {}};
    const auto found =
        std::ranges::find_if(members_, [&](const auto& entry) { return entry.second == member; });
    const bool bare = name.find('.') == std::string_view::npos; // nobody's domain
    if (found != members_.end() && (below || bare))
        return Answer{.exists = true, .address = found->first};
    if (below)
        return Answer{};
    return std::nullopt;
}

} // namespace msb::net
