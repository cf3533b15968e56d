// The host files that a guest has looked up, and what it calls them.
//
// Theory of operation. A guest names files by numbers that it got from us and gives back (FORGET)
// when it does not remember them any more. An entry is the host file itself: an O_PATH descriptor.
// Because a guest may remember more files than we may have descriptors, the ones used longest ago
// are closed, and opened again by name below their parent when they are needed; a file of another
// identity in that place is ESTALE, upon which the guest's kernel looks the name up again. (The
// identity has the time of birth in it, because file systems give numbers of files that are gone
// to new ones.) Before a
// name goes away by a guest's own doing, its entry is pinned: it keeps its descriptor, so that
// files that are open, or are about to get another name, go on to exist.
//
// Who may hold an entry. An entry lives as long as the guest remembers it (`lookups`), a child of
// it is in the table (`children`), or an operation works with it (`uses`). Operations hold entries
// by InodeRef only, so nothing that one of them does, or a guest has forgotten before, frees an
// entry under another's hands.
//
// Parents form a tree that ends at the root, always, although the host's directories move as others
// wish: an entry that would become its own ancestor stays where it was, with its descriptor.
#pragma once

#include "base/fd.hpp"
#include "device/fs/metadata.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unordered_map>
#include <utility>

namespace msb::device {

struct Inode {
    std::uint64_t id = 0;
    dev_t device = 0;
    ino_t number = 0;
    mode_t type = 0; ///< S_IFMT bits, which a file keeps for life
    std::uint64_t lookups = 0;

    // What the guest's page cache may hold is the file as it was when it had this time of change
    // and this size; -1: nothing is known about it.
    timespec cached_change{};
    off_t cached_size = -1;

    // What the host file's attributes said of its owner and mode when it had this time of change.
    timespec recorded_change{};
    std::optional<Metadata> recorded;
    bool record_known = false;

    bool locked = false;                              ///< the guest has asked for a lock on it
    std::chrono::steady_clock::time_point lockable{}; ///< and gets it from then on

  private:
    friend class InodeTable;
    friend class InodeRef;
    timespec born{};         ///< zero where the file system does not know
    Inode* parent = nullptr; ///< stays in the table as long as `children` counts us
    std::string name;
    std::size_t children = 0;
    std::size_t uses = 0; ///< InodeRefs
    bool pinned = false;
    OwnedFd fd;
    bool listed = false;
    std::list<Inode*>::iterator used; ///< if `listed`: its descriptor may be closed
};

class InodeTable;

/// An entry in the hands of an operation; nullptr: there is none. Not to outlive its table.
class InodeRef {
  public:
    InodeRef() = default;
    InodeRef(InodeTable& table, Inode& inode) : table_(&table), inode_(&inode) { ++inode.uses; }
    InodeRef(InodeRef&& other) noexcept
        : table_(other.table_), inode_(std::exchange(other.inode_, nullptr)) {}
    InodeRef& operator=(InodeRef&& other) noexcept {
        std::swap(table_, other.table_);
        std::swap(inode_, other.inode_);
        return *this;
    }
    ~InodeRef();

    explicit operator bool() const { return inode_ != nullptr; }
    Inode& operator*() const { return *inode_; }
    Inode* operator->() const { return inode_; }
    bool operator==(const InodeRef& other) const { return inode_ == other.inode_; }

  private:
    InodeTable* table_ = nullptr;
    Inode* inode_ = nullptr;
};

class InodeTable {
  public:
    static constexpr std::uint64_t root_id = 1; ///< FUSE_ROOT_ID; with Limits::first_id

    struct Limits {
        std::size_t inodes = 0;
        std::size_t descriptors = 0; ///< kept between requests
        std::uint64_t first_id = 0;  ///< the bits that all ids have, beside lower ones
    };

    /// An entry is about to leave the table whose last name a guest has removed.
    using Gone = std::function<void(const Inode& inode, int fd)>;

    InodeTable(OwnedFd root, const struct stat& info, Limits limits, Gone gone = {});

    InodeRef root() { return {*this, *root_}; }
    bool is_root(const Inode& inode) const { return &inode == root_; }
    dev_t root_device() const { return root_->device; }
    /// None: no such number was given out, or it was forgotten.
    InodeRef find(std::uint64_t id);
    InodeRef find(dev_t device, ino_t number);

    /// The entry of a file of this identity that is `name` in `parent`, with one lookup more that the guest
    /// will give back; none if it is not known, or not open, so that another file may have its number.
    InodeRef meet(Inode& parent, std::string_view name, const struct stat& info);
    /// The entry of `fd`, an O_PATH descriptor of `name` in `parent`, with one lookup more that the
    /// guest will give back. ENFILE: the table is full.
    std::expected<InodeRef, int> adopt(Inode& parent, std::string_view name, OwnedFd fd,
                                       const struct stat& info);
    /// O_PATH, valid until trim().
    std::expected<int, int> descriptor(Inode& inode);

    /// `name` in `parent` is about to go away: if it is the `last` one that `inode` has, or the one
    /// by which it is reached, the descriptor is kept instead.
    int pin(Inode& inode, const Inode& parent, std::string_view name, bool last);
    /// It has no name.
    int pin(Inode& inode);
    void rename(Inode& inode, Inode& new_parent, std::string_view new_name);

    void forget(Inode& inode, std::uint64_t lookups);
    /// The guest remembers nothing but the root.
    void clear();
    /// Closes what is more than may stay open.
    void trim();

    std::size_t size() const { return by_id_.size(); }

  private:
    struct Key {
        dev_t device;
        ino_t number;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return std::hash<std::uint64_t>()(key.number * 0x9e3779b97f4a7c15u ^ key.device);
        }
    };

    friend class InodeRef;
    Inode* find_key(dev_t device, ino_t number) const;
    void place(Inode& inode, Inode& parent, std::string_view name);
    bool may_be_below(const Inode& inode, const Inode& parent) const;
    void hold(Inode& inode, OwnedFd fd);
    void unlist(Inode& inode);
    int reopen(Inode& inode);
    InodeRef meet(InodeRef known, Inode& parent, std::string_view name);
    static bool is_same(const Inode& inode, int fd, const struct stat& info);
    void release(Inode& inode);
    void drop_if_unused(Inode* inode);

    Limits limits_;
    Gone gone_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Inode>> by_id_;
    std::unordered_map<Key, Inode*, KeyHash> by_key_;
    Inode* root_;
    std::uint64_t next_id_;
    std::list<Inode*> recent_; ///< those with a descriptor that may be closed, last used first
};

/// `name` is a single component: nothing is followed. -1 with errno.
int open_path(int directory, std::string_view name);

} // namespace msb::device
