#include "sandbox/networks/joining.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/packet.hpp"
#include "base/system.hpp"
#include "jail/jail.hpp"
#include "net/members/switch_request.hpp"
#include "sandbox/networks/networks.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr auto switch_wait = 10s, connect_time = 2s, answer_time = 5s;
/// A switch that nobody needs ends, perhaps just now.
constexpr int attempts = 3;

bool is_absent(const Error& error) {
    return error.kind() == ErrorKind::not_found || error.sys_errno() == ECONNREFUSED;
}

/// The same for all commands, so that one network has one switch.
Result<OwnedFd> lock_switch(const Home& home, const std::string& network) {
    const std::string path = home.switch_socket(network) + ".lock";
    MSB_TRY(make_directories(parent_of(path), 0700));
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    MSB_TRY(sys::lock_exclusive(fd.get(), switch_wait, path));
    return fd;
}

Status start_switch(const Home& home, const Installation& installation,
                    const std::string& network) {
    const OwnedFd listener = MSB_TRY(sys::unix_listen(home.switch_socket(network), 64));
    jail::Request request;
    request.role = jail::Role::net_switch;
    request.argv = {"/netswitch"};
    request.binds = {{installation.program("netswitch"), "/netswitch", false, true}};
    request.fds = {{net::switch_fd_listener, listener.get()}};
    request.new_session = true;
    request.die_with_parent = false; // it is the members', and ends when it has none
    (void)MSB_TRY(jail::spawn(request));
    return {};
}

Result<net::SwitchAnswer> ask(const Home& home, const std::string& network,
                              const net::SwitchRequest& request, std::span<const int> with = {}) {
    const OwnedFd socket = MSB_TRY(sys::unix_connect(home.switch_socket(network), connect_time));
    MSB_TRY(send_packet(socket.get(), as_bytes(request.to_json()), with));
    if (!MSB_TRY(sys::wait_for(socket.get(), POLLIN, answer_time)))
        return fail(ErrorKind::timed_out,
                    "the switch of network '" + network + "' does not answer");
    const auto packet = MSB_TRY(receive_packet(socket.get(), net::SwitchAnswer::most_bytes));
    if (!packet)
        return fail(ErrorKind::unreachable, "the switch of network '" + network + "' is gone");
    auto answer = MSB_TRY(net::SwitchAnswer::from_json(as_text(packet->data)));
    if (!answer.error.empty())
        return fail(ErrorKind::system, "network '" + network + "': " + answer.error);
    return answer;
}

Result<std::vector<IpAddress>> joined_members(const Home& home, const std::string& network) {
    auto answer = ask(home, network, {.member = {}, .address = {}});
    if (!answer && (is_absent(answer.error()) || answer.error().kind() == ErrorKind::unreachable))
        return std::vector<IpAddress>();
    return MSB_TRY(std::move(answer)).members;
}

/// Gives the switch one end of a channel, and a member's netd the other. The answer has all who are
/// there then. not_found if the member does not run.
Result<net::SwitchAnswer> bring(const Home& home, const Installation& installation,
                                const std::string& network, const Networks::Member& member) {
    const OwnedFd door =
        MSB_TRY(sys::unix_connect(home.member_socket(member.sandbox), connect_time));
    auto sides = MSB_TRY(sys::socket_pair(SOCK_SEQPACKET | SOCK_NONBLOCK));
    const net::SwitchRequest request{.member = member_name(member.sandbox),
                                     .address = member.address};
    Result<net::SwitchAnswer> answer = fail(ErrorKind::unreachable, "no switch");
    for (int i = 0; i < attempts && !answer; ++i) {
        answer = ask(home, network, request, std::array{sides[0].get()});
        if (answer)
            break;
        if (is_absent(answer.error()))
            MSB_TRY(start_switch(home, installation, network));
        else if (answer.error().kind() != ErrorKind::unreachable)
            return fail(answer.error());
    }
    if (answer)
        MSB_TRY(send_packet(door.get(), as_bytes(network), std::array{sides[1].get()}));
    return answer;
}

/// Those who run although the switch does not know them: it is another one than theirs was.
void bring_others(const Home& home, const Installation& installation, const std::string& network,
                  const std::vector<IpAddress>& joined) {
    for (const Networks::Member& member : Networks(home).members(network)) {
        if (std::ranges::find(joined, member.address) != joined.end())
            continue;
        const auto brought = bring(home, installation, network, member);
        if (!brought && !is_absent(brought.error()))
            log::warn("'{}' could not join its network again: {}", member.sandbox,
                      brought.error().to_string());
    }
}

} // namespace

Status join_network(const Home& home, const Installation& installation, const SandboxSpec& spec) {
    const JoinedNetwork& joined = spec.network.joined;
    const OwnedFd held = MSB_TRY(lock_switch(home, joined.name));
    const auto answer =
        MSB_TRY(bring(home, installation, joined.name, {spec.name, joined.address}));
    bring_others(home, installation, joined.name, answer.members);
    return {};
}

Result<std::vector<IpAddress>> mend_network(const Home& home, const Installation& installation,
                                            const std::string& network) {
    const OwnedFd held = MSB_TRY(lock_switch(home, network));
    bring_others(home, installation, network, MSB_TRY(joined_members(home, network)));
    return joined_members(home, network);
}

} // namespace msb
