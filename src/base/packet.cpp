#include "base/packet.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace msb {

namespace {

using Control = std::array<char, CMSG_SPACE(sizeof(int) * Packet::most_descriptors)>;

void take_descriptors(msghdr& message, std::vector<OwnedFd>& into) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            into.emplace_back(number);
        }
    }
}

} // namespace

Status send_packet(int socket, BytesView data, std::span<const int> descriptors) {
    iovec bytes{const_cast<std::uint8_t*>(data.data()), data.size()};
    alignas(cmsghdr) Control control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (descriptors.size() > Packet::most_descriptors)
        return fail(ErrorKind::limit_exceeded, "too many descriptors for one packet");
    if (!descriptors.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    if (::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
        return fail_errno("sendmsg");
    return {};
}

Result<std::optional<Packet>> receive_packet(int socket, std::size_t most_bytes) {
    Packet packet{.data = Bytes(most_bytes), .descriptors = {}};
    alignas(cmsghdr) Control control{};
    iovec bytes{packet.data.data(), packet.data.size()};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size == -1 && (errno == EAGAIN || errno == EINTR))
        return std::nullopt;
    if (size == -1)
        return fail_errno("recvmsg");
    take_descriptors(message, packet.descriptors);
    if (size == 0)
        return fail(ErrorKind::unreachable, "the other end is closed");
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return fail(ErrorKind::protocol, "a packet was too long");
    packet.data.resize(static_cast<std::size_t>(size));
    return packet;
}

} // namespace msb
