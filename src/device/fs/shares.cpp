#include "device/fs/shares.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace msb::device {

namespace {

/// What of the made-up root never changes may be remembered for ever.
constexpr std::uint64_t for_ever = 1'000'000'000;

template <typename T> T take(FuseReply& reply) {
    T value{};
    std::memcpy(&value, reply.body.data(), std::min(sizeof(T), reply.body.size()));
    reply.body.clear();
    return value;
}

} // namespace

int Shares::handle(const fuse_in_header& header, const fuse::Operation& operation,
                   FuseReply& reply) {
    if (shares_.size() == 1)
        return shares_.front().files->handle(header, operation, reply);
    if (std::holds_alternative<fuse::Init>(operation))
        return start(header, operation, reply);
    // These may name files of any share.
    if (std::holds_alternative<fuse::Destroy>(operation) ||
        std::holds_alternative<fuse::BatchForget>(operation))
        return ask_all(header, operation, reply);
    const std::uint64_t index = header.nodeid >> index_shift;
    if (index == 0)
        return ask_root(header, operation, reply);
    return index <= shares_.size() ? shares_[index - 1].files->handle(header, operation, reply)
                                   : ESTALE;
}

int Shares::ask_all(const fuse_in_header& header, const fuse::Operation& operation,
                    FuseReply& reply) {
    int error = 0;
    for (const Share& share : shares_)
        error = share.files->handle(header, operation, reply);
    return error;
}

/// One session for all of them, with what any of them wants.
int Shares::start(const fuse_in_header& header, const fuse::Operation& operation,
                  FuseReply& reply) {
    fuse_init_out all{};
    for (const Share& share : shares_) {
        if (const int error = share.files->handle(header, operation, reply); error != 0)
            return error;
        const auto one = take<fuse_init_out>(reply);
        const std::uint32_t flags = all.flags | one.flags;
        all = one;
        all.flags = flags;
    }
    reply.append(all);
    return 0;
}

int Shares::ask_root(const fuse_in_header& header, const fuse::Operation& operation,
                     FuseReply& reply) {
    if (std::holds_alternative<fuse::Forget>(operation))
        return 0;
    if (header.nodeid != InodeTable::root_id)
        return ESTALE;
    if (std::holds_alternative<fuse::GetAttributes>(operation)) {
        fuse_attr_out out{};
        out.attr_valid = for_ever;
        out.attr.mode = S_IFDIR | 0755;
        out.attr.nlink = 2;
        reply.append(out);
        return 0;
    }
    const auto* const look = std::get_if<fuse::Lookup>(&operation);
    if (look == nullptr)
        return EPERM;
    const auto found = std::ranges::find(shares_, look->name, &Share::name);
    if (found == shares_.end())
        return ENOENT;
    const auto index = static_cast<std::size_t>(found - shares_.begin());
    fuse_in_header share = header;
    share.nodeid = first_id(index, shares_.size()) | InodeTable::root_id;
    if (const int error = found->files->handle(share, fuse::GetAttributes{}, reply); error != 0)
        return error;
    const auto attributes = take<fuse_attr_out>(reply);
    fuse_entry_out entry{};
    entry.nodeid = share.nodeid;
    entry.entry_valid = for_ever;
    entry.attr_valid = attributes.attr_valid;
    entry.attr_valid_nsec = attributes.attr_valid_nsec;
    entry.attr = attributes.attr;
    entry.attr.flags = FUSE_ATTR_SUBMOUNT;
    reply.append(entry);
    return 0;
}

void Shares::reset() {
    for (const Share& share : shares_)
        share.files->reset();
}

} // namespace msb::device
