#include "net/host_routes.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

struct Question {
    nlmsghdr header;
    rtmsg route;
    rtattr attribute;
    std::array<std::uint8_t, 16> address;
};

Question question_about(const IpAddress& address, std::uint32_t sequence) {
    const std::size_t size = address.view().size();
    Question question{};
    question.header.nlmsg_len = static_cast<std::uint32_t>(offsetof(Question, address) + size);
    question.header.nlmsg_type = RTM_GETROUTE;
    question.header.nlmsg_flags = NLM_F_REQUEST;
    question.header.nlmsg_seq = sequence;
    question.route.rtm_family = address.v6 ? AF_INET6 : AF_INET;
    question.route.rtm_dst_len = static_cast<std::uint8_t>(8 * size);
    question.attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
    question.attribute.rta_type = RTA_DST;
    question.address = address.bytes;
    return question;
}

bool ends_here(unsigned route_type) {
    return route_type == RTN_LOCAL || route_type == RTN_ANYCAST || route_type == RTN_BROADCAST;
}

/// The answer in a message, if it belongs to the question with this number.
std::optional<Result<bool>> read_answer(BytesView message, std::uint32_t sequence) {
    nlmsghdr header{};
    if (message.size() < sizeof(header))
        return std::nullopt;
    std::memcpy(&header, message.data(), sizeof(header));
    const BytesView body = message.subspan(sizeof(header));
    if (header.nlmsg_seq != sequence)
        return std::nullopt;
    if (header.nlmsg_type == NLMSG_ERROR && body.size() >= sizeof(int)) {
        int error = 0;
        std::memcpy(&error, body.data(), sizeof(error));
        return fail(Error::from_errno(-error, "route lookup"));
    }
    if (header.nlmsg_type != RTM_NEWROUTE || body.size() < sizeof(rtmsg))
        return std::nullopt;
    rtmsg route{};
    std::memcpy(&route, body.data(), sizeof(route));
    return ends_here(route.rtm_type);
}

} // namespace

Result<HostRoutes> HostRoutes::open() {
    OwnedFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!socket)
        return fail_errno("socket", "rtnetlink");
    return HostRoutes(std::move(socket));
}

Result<bool> HostRoutes::lead_here(const IpAddress& address) {
    const Question question = question_about(address, ++sequence_);
    // The kernel has answered when send() returns.
    if (::send(socket_.get(), &question, question.header.nlmsg_len, MSG_NOSIGNAL) == -1)
        return fail_errno("send", "rtnetlink");
    constexpr int most_late_answers = 8;
    for (int i = 0; i < most_late_answers; ++i) {
        std::array<std::uint8_t, 4096> message;
        const ssize_t count = ::recv(socket_.get(), message.data(), message.size(), MSG_DONTWAIT);
        if (count == -1)
            return fail_errno("recv", "rtnetlink");
        if (const auto answer =
                read_answer(BytesView(message).first(static_cast<std::size_t>(count)), sequence_))
            return *answer;
    }
    return fail(ErrorKind::protocol, "rtnetlink answers something else");
}

bool host_has_route(bool v6) {
    // Documentation addresses (RFC 5737, 3849): no host has them, but a default route leads there.
    SocketAddress target({*IpAddress::parse(v6 ? "2001:db8::1" : "192.0.2.1"), 9});
    const OwnedFd fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return fd && ::connect(fd.get(), target.get(), target.size) == 0;
}

} // namespace msb::net
