#include "virtio/vhost_user_message.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace msb::virtio::vhost_user {

namespace {

std::unexpected<Error> bad_size(const char* what) {
    return fail(ErrorKind::protocol, std::string("vhost-user message of wrong size: ") + what);
}

/// The descriptors of one recvmsg(), all owned whatever their number.
void adopt_fds(const msghdr& header, std::vector<OwnedFd>& out) {
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr;
         item = CMSG_NXTHDR(const_cast<msghdr*>(&header), item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
            out.emplace_back(fd);
        }
    }
}

const char* name_of(Sender sender) {
    return sender == Sender::front_end ? "vhost-user front-end" : "vhost-user back-end";
}

Header parse_header(BytesView bytes) {
    return {load_le<std::uint32_t>(bytes), load_le<std::uint32_t>(bytes.subspan(4)),
            load_le<std::uint32_t>(bytes.subspan(8))};
}

} // namespace

Result<std::uint64_t> parse_u64(BytesView payload) {
    if (payload.size() != 8)
        return bad_size("u64");
    return load_le<std::uint64_t>(payload);
}

Result<VringState> parse_vring_state(BytesView payload) {
    if (payload.size() != 8)
        return bad_size("vring state");
    return VringState{load_le<std::uint32_t>(payload), load_le<std::uint32_t>(payload.subspan(4))};
}

Result<VringAddress> parse_vring_address(BytesView payload) {
    // u32 index, u32 flags (dirty logging, not offered), u64 descriptors, used, available, log
    if (payload.size() != 40)
        return bad_size("vring address");
    return VringAddress{.index = load_le<std::uint32_t>(payload),
                        .descriptors = load_le<std::uint64_t>(payload.subspan(8)),
                        .used = load_le<std::uint64_t>(payload.subspan(16)),
                        .available = load_le<std::uint64_t>(payload.subspan(24))};
}

Result<VringFd> parse_vring_fd(BytesView payload) {
    const std::uint64_t value = MSB_TRY(parse_u64(payload));
    constexpr std::uint64_t no_fd = 1 << 8;
    return VringFd{static_cast<std::uint32_t>(value & 0xff), (value & no_fd) == 0};
}

Result<ConfigAccess> parse_config(BytesView payload) {
    if (payload.size() < 12)
        return bad_size("config");
    const auto size = load_le<std::uint32_t>(payload.subspan(4));
    if (size != payload.size() - 12)
        return bad_size("config data");
    return ConfigAccess{load_le<std::uint32_t>(payload), payload.subspan(12)};
}

Result<std::vector<MemoryRegion>> parse_memory_table(BytesView payload, std::vector<OwnedFd> fds) {
    constexpr std::size_t entry = 32;
    if (payload.size() < 8)
        return bad_size("memory table");
    const auto count = load_le<std::uint32_t>(payload);
    if (count > GuestMemory::max_regions || count != fds.size())
        return fail(ErrorKind::protocol, "memory table with a wrong number of descriptors");
    if (payload.size() != 8 + count * entry)
        return bad_size("memory table");
    std::vector<MemoryRegion> regions;
    for (std::size_t i = 0; i < count; ++i) {
        const BytesView at = payload.subspan(8 + i * entry, entry);
        regions.push_back({.guest_address = load_le<std::uint64_t>(at),
                           .size = load_le<std::uint64_t>(at.subspan(8)),
                           .user_address = load_le<std::uint64_t>(at.subspan(16)),
                           .file_offset = load_le<std::uint64_t>(at.subspan(24)),
                           .fd = std::move(fds[i])});
    }
    return regions;
}

Bytes encode(std::uint32_t request, std::uint32_t flags, BytesView payload) {
    Bytes out(header_size + payload.size());
    store_le(out, request);
    store_le(MutableBytesView(out).subspan(4), flags);
    store_le(MutableBytesView(out).subspan(8), static_cast<std::uint32_t>(payload.size()));
    if (!payload.empty())
        std::memcpy(out.data() + header_size, payload.data(), payload.size());
    return out;
}

Bytes encode_u64(std::uint64_t value) {
    Bytes out(8);
    store_le(out, value);
    return out;
}

Result<bool> MessageReader::fill(int socket, std::size_t target) {
    while (filled_ < target) {
        iovec piece{buffer_.data() + filled_, target - filled_};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_fds)> control;
        msghdr header{};
        header.msg_iov = &piece;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t count = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (count == -1 && (errno == EAGAIN || errno == EINTR))
            return false;
        if (count == -1)
            return fail_errno("recvmsg", name_of(sender_));
        adopt_fds(header, fds_);
        if (count == 0)
            return fail(ErrorKind::unreachable,
                        std::string(name_of(sender_)) + " closed the connection");
        if ((header.msg_flags & MSG_CTRUNC) != 0 || fds_.size() > max_fds)
            return fail(ErrorKind::protocol, "too many descriptors in a vhost-user message");
        filled_ += static_cast<std::size_t>(count);
    }
    return true;
}

Result<std::optional<Message>> MessageReader::read(int socket) {
    if (!MSB_TRY(fill(socket, std::max(filled_, header_size))))
        return std::nullopt;
    const Header header = parse_header(buffer_);
    if (header.size > max_payload)
        return fail(ErrorKind::protocol, "vhost-user message is too long");
    const bool is_answer = (header.flags & flag_reply) != 0;
    if ((header.flags & flags_version_mask) != flags_version ||
        is_answer != (sender_ == Sender::back_end_answering))
        return fail(ErrorKind::protocol, "vhost-user message with unknown version or flags");
    if (!MSB_TRY(fill(socket, header_size + header.size)))
        return std::nullopt;
    Message message{
        header, Bytes(buffer_.begin() + header_size, buffer_.begin() + header_size + header.size),
        std::move(fds_)};
    fds_.clear();
    filled_ = 0;
    return message;
}

} // namespace msb::virtio::vhost_user
