#include "device/fs/inode_table.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <utility>
#include <vector>

namespace msb::device {

namespace {

/// Directories above a file that have to be opened again, one below the other; also how far up a
/// walk goes.
constexpr std::size_t max_depth = 2048;

timespec birth_of(int fd) {
    struct statx info{};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &info) == -1 ||
        (info.stx_mask & STATX_BTIME) == 0)
        return {};
    return {info.stx_btime.tv_sec, static_cast<long>(info.stx_btime.tv_nsec)};
}

} // namespace

int open_path(int directory, std::string_view name) {
    return ::openat(directory, std::string(name).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

InodeTable::InodeTable(OwnedFd root, const struct stat& info, Limits limits, Gone gone)
    : limits_(limits), gone_(std::move(gone)), next_id_((limits.first_id | root_id) + 1) {
    auto inode = std::make_unique<Inode>();
    inode->id = limits.first_id | root_id;
    inode->device = info.st_dev;
    inode->number = info.st_ino;
    inode->type = info.st_mode & S_IFMT;
    inode->lookups = 1;
    inode->pinned = true;
    inode->fd = std::move(root);
    root_ = inode.get();
    by_key_.emplace(Key{info.st_dev, info.st_ino}, root_);
    by_id_.emplace(root_->id, std::move(inode));
}

InodeRef InodeTable::find(std::uint64_t id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? InodeRef() : InodeRef(*this, *found->second);
}

InodeRef InodeTable::find(dev_t device, ino_t number) {
    Inode* const found = find_key(device, number);
    return found == nullptr ? InodeRef() : InodeRef(*this, *found);
}

Inode* InodeTable::find_key(dev_t device, ino_t number) const {
    const auto found = by_key_.find({device, number});
    return found == by_key_.end() ? nullptr : found->second;
}

/// Whether `fd` is the file of an entry, whose number it has.
bool InodeTable::is_same(const Inode& inode, int fd, const struct stat& info) {
    if (inode.type != (info.st_mode & S_IFMT))
        return false;
    if (inode.fd)
        return true; // which keeps it, and so its number, from being given away
    const timespec born = birth_of(fd);
    return born.tv_sec == inode.born.tv_sec && born.tv_nsec == inode.born.tv_nsec;
}

InodeRef InodeTable::meet(InodeRef known, Inode& parent, std::string_view name) {
    ++known->lookups;
    if (!is_root(*known) && (known->pinned || known->parent != &parent || known->name != name))
        rename(*known, parent, name);
    return known;
}

InodeRef InodeTable::meet(Inode& parent, std::string_view name, const struct stat& info) {
    InodeRef known = find(info.st_dev, info.st_ino);
    const bool same = known && known->fd && known->type == (info.st_mode & S_IFMT);
    return same ? meet(std::move(known), parent, name) : InodeRef();
}

std::expected<InodeRef, int> InodeTable::adopt(Inode& parent, std::string_view name, OwnedFd fd,
                                               const struct stat& info) {
    InodeRef known = find(info.st_dev, info.st_ino);
    // Another one: the file we knew is gone, and its number was given away again.
    if (known && is_same(*known, fd.get(), info)) {
        if (!known->fd)
            hold(*known, std::move(fd));
        return meet(std::move(known), parent, name);
    }
    if (by_id_.size() >= limits_.inodes)
        return std::unexpected(ENFILE);
    auto inode = std::make_unique<Inode>();
    Inode* const made = inode.get();
    made->id = next_id_++;
    made->device = info.st_dev;
    made->number = info.st_ino;
    made->type = info.st_mode & S_IFMT;
    made->lookups = 1;
    made->born = birth_of(fd.get());
    by_key_.insert_or_assign({info.st_dev, info.st_ino}, made);
    by_id_.emplace(made->id, std::move(inode));
    place(*made, parent, name);
    hold(*made, std::move(fd));
    return InodeRef(*this, *made);
}

void InodeTable::place(Inode& inode, Inode& parent, std::string_view name) {
    ++parent.children; // first: it may be the same one
    Inode* const before = std::exchange(inode.parent, &parent);
    inode.name = name;
    if (before == nullptr)
        return;
    --before->children;
    drop_if_unused(before);
}

/// False also for what is too deep to tell.
bool InodeTable::may_be_below(const Inode& inode, const Inode& parent) const {
    const Inode* at = &parent;
    for (std::size_t depth = 0; at != nullptr && depth < max_depth; ++depth, at = at->parent) {
        if (at == &inode)
            return false;
        if (is_root(*at))
            return true;
    }
    return false;
}

/// Takes the descriptor, and notes the entry as used just now.
void InodeTable::hold(Inode& inode, OwnedFd fd) {
    inode.fd = std::move(fd);
    if (inode.pinned || std::exchange(inode.listed, true))
        return;
    recent_.push_front(&inode);
    inode.used = recent_.begin();
}

void InodeTable::unlist(Inode& inode) {
    if (std::exchange(inode.listed, false))
        recent_.erase(inode.used);
}

std::expected<int, int> InodeTable::descriptor(Inode& inode) {
    if (!inode.fd) {
        if (const int error = reopen(inode); error != 0)
            return std::unexpected(error);
    } else if (inode.listed) {
        recent_.splice(recent_.begin(), recent_, inode.used);
    }
    return inode.fd.get();
}

int InodeTable::reopen(Inode& inode) {
    std::vector<Inode*> closed;
    for (Inode* at = &inode; !at->fd; at = at->parent) {
        if (at->parent == nullptr || closed.size() >= max_depth)
            return ESTALE;
        closed.push_back(at);
    }
    for (; !closed.empty(); closed.pop_back()) {
        Inode& next = *closed.back();
        OwnedFd fd(open_path(next.parent->fd.get(), next.name));
        if (!fd)
            return errno == ENOENT || errno == ENOTDIR ? ESTALE : errno;
        struct stat info{};
        if (::fstat(fd.get(), &info) == -1)
            return errno;
        if (info.st_dev != next.device || info.st_ino != next.number ||
            !is_same(next, fd.get(), info))
            return ESTALE;
        hold(next, std::move(fd));
    }
    return 0;
}

int InodeTable::pin(Inode& inode, const Inode& parent, std::string_view name, bool last) {
    return last || (inode.parent == &parent && inode.name == name) ? pin(inode) : 0;
}

int InodeTable::pin(Inode& inode) {
    if (inode.pinned)
        return 0;
    if (const auto fd = descriptor(inode); !fd)
        return fd.error();
    unlist(inode);
    inode.pinned = true;
    return 0;
}

void InodeTable::rename(Inode& inode, Inode& new_parent, std::string_view new_name) {
    if (is_root(inode))
        return;
    if (inode.type == S_IFDIR && !may_be_below(inode, new_parent)) {
        // Others have moved its parents meanwhile. Without a descriptor it is looked up again.
        unlist(inode);
        inode.pinned = static_cast<bool>(inode.fd);
        return;
    }
    place(inode, new_parent, new_name);
    if (std::exchange(inode.pinned, false))
        hold(inode, std::move(inode.fd));
}

void InodeTable::forget(Inode& inode, std::uint64_t lookups) {
    if (is_root(inode))
        return;
    inode.lookups -= std::min(lookups, inode.lookups);
    drop_if_unused(&inode);
}

void InodeTable::release(Inode& inode) {
    --inode.uses;
    drop_if_unused(&inode);
}

InodeRef::~InodeRef() {
    if (inode_ != nullptr)
        table_->release(*inode_);
}

/// Dropping one may make its parent, and so on upwards, unused.
void InodeTable::drop_if_unused(Inode* inode) {
    while (inode != nullptr && !is_root(*inode) && inode->lookups == 0 && inode->children == 0 &&
           inode->uses == 0) {
        Inode* const parent = inode->parent;
        if (inode->pinned && inode->fd && gone_)
            gone_(*inode, inode->fd.get());
        unlist(*inode);
        if (find_key(inode->device, inode->number) == inode)
            by_key_.erase({inode->device, inode->number});
        by_id_.erase(inode->id);
        if (parent != nullptr)
            --parent->children;
        inode = parent;
    }
}

void InodeTable::clear() {
    std::vector<std::uint64_t> ids;
    ids.reserve(by_id_.size());
    for (const auto& [id, inode] : by_id_)
        ids.push_back(id);
    for (const std::uint64_t id : ids) // each may take others with it
        if (const InodeRef inode = find(id))
            forget(*inode, inode->lookups);
}

void InodeTable::trim() {
    while (recent_.size() > limits_.descriptors) {
        Inode& last = *recent_.back();
        unlist(last);
        last.fd.reset();
    }
}

} // namespace msb::device
