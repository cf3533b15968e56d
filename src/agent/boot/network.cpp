// rtnetlink(7), spoken by hand: all requests in one message, because system calls are expensive
// here.
#include "agent/boot/network.hpp"

#include "agent/boot/console.hpp"
#include "agent/boot/identity.hpp"
#include "base/address.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <vector>

namespace msb::agent {

namespace {

using namespace std::chrono_literals;

constexpr auto answer_timeout = 5s;

/// Requests under construction, and what each is about.
class Requests {
  public:
    /// `family`: of addresses that the kernel may not have.
    template <typename Body>
    void begin(const char* what, std::uint16_t type, std::uint16_t flags, const Body& body,
               int family = AF_UNSPEC) {
        start_ = bytes_.size();
        what_.emplace_back(what, family);
        nlmsghdr header{};
        header.nlmsg_type = type;
        header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        header.nlmsg_seq = static_cast<std::uint32_t>(what_.size());
        append(object_bytes(header));
        append(object_bytes(body));
        close();
    }
    void attribute(std::uint16_t type, BytesView value) {
        const rtattr header{static_cast<unsigned short>(sizeof(rtattr) + value.size()), type};
        append(object_bytes(header));
        append(value);
        close();
    }
    template <typename T> void attribute(std::uint16_t type, const T& value) {
        attribute(type, object_bytes(value));
    }
    BytesView bytes() const { return bytes_; }
    std::size_t count() const { return what_.size(); }
    const char* what(std::size_t sequence) const { return what_[sequence - 1].first; }
    int family(std::size_t sequence) const { return what_[sequence - 1].second; }

  private:
    void append(BytesView data) {
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        bytes_.resize(align_up<std::size_t>(bytes_.size(), NLMSG_ALIGNTO));
    }
    void close() {
        const auto length = static_cast<std::uint32_t>(bytes_.size() - start_);
        std::memcpy(bytes_.data() + start_, &length, sizeof(length)); // nlmsg_len
    }

    Bytes bytes_;
    std::size_t start_ = 0;
    std::vector<std::pair<const char*, int>> what_;
};

void add_link(Requests& requests, int index, const wire::Network& network) {
    ifinfomsg body{};
    body.ifi_family = AF_UNSPEC;
    body.ifi_index = index;
    body.ifi_flags = body.ifi_change = IFF_UP;
    requests.begin("bring the interface up", RTM_NEWLINK, 0, body);
    requests.attribute(IFLA_MTU, std::uint32_t{network.mtu});
    if (network.ipv6)
        return;
    // Without IPv6 the interface gets no link-local address either.
    struct {
        rtattr family{sizeof(rtattr) * 2 + 4, AF_INET6};
        rtattr mode{sizeof(rtattr) + 1, IFLA_INET6_ADDR_GEN_MODE};
        std::uint8_t none = IN6_ADDR_GEN_MODE_NONE;
        std::array<std::uint8_t, 3> padding{};
    } const nested;
    requests.attribute(IFLA_AF_SPEC, nested);
}

template <std::size_t size>
void add_address(Requests& requests, int index, std::uint8_t family,
                 const std::array<std::uint8_t, size>& address, std::uint8_t prefix) {
    ifaddrmsg body{};
    body.ifa_family = family;
    body.ifa_prefixlen = prefix;
    body.ifa_index = static_cast<std::uint32_t>(index);
    body.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0; // nobody else is there
    requests.begin(family == AF_INET6 ? "add the IPv6 address" : "add the IPv4 address",
                   RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body, family);
    requests.attribute(IFA_LOCAL, BytesView(address));
    requests.attribute(IFA_ADDRESS, BytesView(address));
}

template <std::size_t size>
void add_default_route(Requests& requests, int index, std::uint8_t family,
                       const std::array<std::uint8_t, size>& gateway) {
    rtmsg body{};
    body.rtm_family = family;
    body.rtm_table = RT_TABLE_MAIN;
    body.rtm_protocol = RTPROT_STATIC;
    body.rtm_scope = RT_SCOPE_UNIVERSE;
    body.rtm_type = RTN_UNICAST;
    requests.begin("add the default route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body,
                   family);
    requests.attribute(RTA_GATEWAY, BytesView(gateway));
    requests.attribute(RTA_OIF, std::uint32_t(index));
}

struct Outcome {
    std::size_t answers = 0;
    bool no_ipv6 = false;
};

/// Takes the answers of one datagram.
Status take_answers(BytesView answers, const Requests& requests, Outcome& outcome) {
    while (answers.size() >= sizeof(nlmsghdr) + sizeof(int)) {
        nlmsghdr header;
        int error = 0;
        std::memcpy(&header, answers.data(), sizeof(header));
        std::memcpy(&error, answers.data() + sizeof(header), sizeof(error));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > answers.size())
            break;
        const bool ours = header.nlmsg_seq > 0 && header.nlmsg_seq <= requests.count();
        if (header.nlmsg_type == NLMSG_ERROR && ours) {
            // Of a family that has not come up nobody takes requests, although its files may be in /proc.
            if (error == -EOPNOTSUPP && requests.family(header.nlmsg_seq) == AF_INET6)
                outcome.no_ipv6 = true;
            else if (error != 0)
                return fail(Error::from_errno(-error, "netlink", requests.what(header.nlmsg_seq)));
            ++outcome.answers;
        }
        answers =
            answers.subspan(std::min<std::size_t>(answers.size(), NLMSG_ALIGN(header.nlmsg_len)));
    }
    return {};
}

Result<Outcome> perform(const Requests& requests) {
    const OwnedFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket)
        return fail_errno("socket", "netlink");
    MSB_TRY(sys::write_all(socket.get(), requests.bytes()));
    std::array<std::uint8_t, 8192> answers;
    Outcome outcome;
    while (outcome.answers < requests.count()) {
        if (!MSB_TRY(sys::wait_for(socket.get(), POLLIN, answer_timeout)))
            return fail(ErrorKind::timed_out, "the kernel does not answer");
        const std::size_t size = MSB_TRY(sys::read(socket.get(), answers));
        MSB_TRY(take_answers(BytesView(answers).first(size), requests, outcome));
    }
    return outcome;
}

Result<int> index_of(const std::string& interface) {
    const OwnedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket)
        return fail_errno("socket");
    ifreq request{};
    if (interface.size() >= sizeof(request.ifr_name))
        return fail(ErrorKind::invalid_argument, "interface name is too long: " + interface);
    std::ranges::copy(interface, request.ifr_name);
    if (::ioctl(socket.get(), SIOCGIFINDEX, &request) == -1)
        return fail_errno("ioctl(SIOCGIFINDEX)", interface);
    return request.ifr_ifindex;
}

template <std::size_t size> std::string text_of(const std::array<std::uint8_t, size>& address) {
    return IpAddress(address).to_string();
}

std::string line_of(std::string_view keyword, const std::vector<std::string>& words) {
    if (words.empty())
        return {};
    std::string line(keyword);
    for (const std::string& word : words)
        line += " " + word;
    return line + "\n";
}

} // namespace

Status set_up_network(const wire::Network& asked) {
    wire::Network network = asked;
    const int index = MSB_TRY(index_of(network.interface));
    Requests requests;
    if (network.ipv4)
        add_address(requests, index, AF_INET, network.ipv4->address, network.ipv4->prefix_len);
    if (network.ipv6)
        add_address(requests, index, AF_INET6, network.ipv6->address, network.ipv6->prefix_len);
    add_link(requests, index, network);
    if (network.ipv4)
        add_default_route(requests, index, AF_INET, network.ipv4->gateway);
    if (network.ipv6)
        add_default_route(requests, index, AF_INET6, network.ipv6->gateway);
    if (MSB_TRY(perform(requests)).no_ipv6) {
        if (!network.ipv4)
            return fail(Error::from_errno(EAFNOSUPPORT, "netlink", "the kernel has no IPv6"));
        complain("the kernel has no IPv6: the network is IPv4 only");
        network.ipv6.reset();
    }
    // A published port may lead to a service that listens on the loopback only.
    const std::string setting = "/proc/sys/net/ipv4/conf/" + network.interface + "/route_localnet";
    if (const auto file = sys::open(setting, O_WRONLY); file && network.ipv4)
        (void)sys::write_all(file->get(), as_bytes("1"));

    std::string resolvers;
    if (network.ipv4 && network.ipv4->dns)
        resolvers += "nameserver " + text_of(*network.ipv4->dns) + "\n";
    if (network.ipv6 && network.ipv6->dns)
        resolvers += "nameserver " + text_of(*network.ipv6->dns) + "\n";
    resolvers += line_of("search", network.search) + line_of("options", network.resolver_options);
    const OwnedFd root = MSB_TRY(sys::open("/", O_PATH | O_DIRECTORY));
    return write_below(root.get(), "etc", "resolv.conf", resolvers);
}

std::string host_alias_lines(const wire::Bootstrap& bootstrap) {
    std::string lines;
    if (!bootstrap.network || !bootstrap.host_alias)
        return lines;
    if (bootstrap.network->ipv4)
        lines += text_of(bootstrap.network->ipv4->gateway) + "\t" + *bootstrap.host_alias + "\n";
    if (bootstrap.network->ipv6)
        lines += text_of(bootstrap.network->ipv6->gateway) + "\t" + *bootstrap.host_alias + "\n";
    return lines;
}

} // namespace msb::agent
