#include "device/fs/inode_table.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <utility>
#include <vector>

namespace msb::device {

namespace {

/// Directories above a file that have to be opened again, one below the other.
constexpr std::size_t max_depth = 2048;

} // namespace

int open_path(int directory, std::string_view name) {
    return ::openat(directory, std::string(name).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

InodeTable::InodeTable(OwnedFd root, const struct stat& info, Limits limits) : limits_(limits) {
    auto inode = std::make_unique<Inode>();
    inode->id = root_id;
    inode->device = info.st_dev;
    inode->number = info.st_ino;
    inode->type = info.st_mode & S_IFMT;
    inode->lookups = 1;
    inode->pinned = true;
    inode->fd = std::move(root);
    root_ = inode.get();
    by_key_.emplace(Key{info.st_dev, info.st_ino}, root_);
    by_id_.emplace(root_id, std::move(inode));
}

Inode* InodeTable::find(std::uint64_t id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second.get();
}

Inode* InodeTable::find(dev_t device, ino_t number) {
    const auto found = by_key_.find({device, number});
    return found == by_key_.end() ? nullptr : found->second;
}

std::expected<Inode*, int> InodeTable::adopt(Inode& parent, std::string_view name, OwnedFd fd,
                                             const struct stat& info) {
    Inode* const known = find(info.st_dev, info.st_ino);
    // Of another type: the file we knew is gone, and its number was given away again.
    if (known != nullptr && known->type == (info.st_mode & S_IFMT)) {
        ++known->lookups;
        if (known == root_)
            return known;
        if (known->pinned || known->parent != &parent || known->name != name)
            rename(*known, parent, name);
        if (!known->fd)
            hold(*known, std::move(fd));
        return known;
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
    by_key_.insert_or_assign({info.st_dev, info.st_ino}, made);
    by_id_.emplace(made->id, std::move(inode));
    place(*made, parent, name);
    hold(*made, std::move(fd));
    return made;
}

void InodeTable::place(Inode& inode, Inode& parent, std::string_view name) {
    ++parent.children; // first: it may be the same one
    leave_parent(inode);
    inode.parent = &parent;
    inode.name = name;
}

void InodeTable::leave_parent(Inode& inode) {
    Inode* const parent = std::exchange(inode.parent, nullptr);
    if (parent == nullptr)
        return;
    --parent->children;
    drop_if_unused(parent);
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
            (info.st_mode & S_IFMT) != next.type)
            return ESTALE;
        hold(next, std::move(fd));
    }
    return 0;
}

int InodeTable::pin(Inode& inode, const Inode& parent, std::string_view name) {
    if (inode.pinned || inode.parent != &parent || inode.name != name)
        return 0;
    if (const auto fd = descriptor(inode); !fd)
        return fd.error();
    unlist(inode);
    inode.pinned = true;
    return 0;
}

void InodeTable::rename(Inode& inode, Inode& new_parent, std::string_view new_name) {
    if (&inode == root_)
        return;
    place(inode, new_parent, new_name);
    if (std::exchange(inode.pinned, false))
        hold(inode, std::move(inode.fd));
}

void InodeTable::forget(Inode& inode, std::uint64_t lookups) {
    if (&inode == root_)
        return;
    inode.lookups -= std::min(lookups, inode.lookups);
    drop_if_unused(&inode);
}

/// Dropping one may make its parent, and so on upwards, unused.
void InodeTable::drop_if_unused(Inode* inode) {
    while (inode != nullptr && inode != root_ && inode->lookups == 0 && inode->children == 0) {
        Inode* const parent = inode->parent;
        unlist(*inode);
        if (find(inode->device, inode->number) == inode)
            by_key_.erase({inode->device, inode->number});
        by_id_.erase(inode->id);
        if (parent != nullptr)
            --parent->children;
        inode = parent;
    }
}

void InodeTable::clear() {
    recent_.clear();
    std::erase_if(by_key_, [this](const auto& entry) { return entry.second != root_; });
    std::erase_if(by_id_, [](const auto& entry) { return entry.first != root_id; });
    root_->children = 0;
}

void InodeTable::trim() {
    while (recent_.size() > limits_.descriptors) {
        Inode& last = *recent_.back();
        unlist(last);
        last.fd.reset();
    }
}

} // namespace msb::device
