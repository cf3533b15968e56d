// A directory of the host, or a single file of it, as a guest's file system.
//
// Theory of operation. The guest is hostile. The tree may change at any moment, because other
// sandboxes and the user's own programs work in it. So no path is ever walked: each operation is a
// single name relative to the descriptor of a directory that was reached the same way, starting at
// the shared root, and never follows a link. Symbolic links are text for the guest. Files that are
// neither regular files nor directories are never opened. A file that needs more than an O_PATH
// descriptor is opened through this process's own list of descriptors (/proc/self/fd), so that it
// is the same file whatever its name is now.
//
// Coherence. Nothing tells a guest's kernel that the host has changed something, so without `cached`
// it may not keep what it was told: each name is looked up each time, and what the guest's page
// cache holds of a file survives an open only if the file still has the time of change that it had
// when the cache was last empty, and that time was not so recent that it can stand for two changes.
// Attributes hold until the guest's clock ticks, so that they need not be asked for again by the
// call that looked up the name.
//
// Owner and mode (`keep_metadata`): files on the host are made for the user alone (0600, 0700) and
// what the guest believes about them is in their Metadata. Where a file cannot have any, the host's
// mode is used, and a change of owner is ignored. So the host never sees a set-user-id file, a
// device or a FIFO of the guest's. Only whether a file can be executed is the same on both sides.
//
// One object serves one guest, on one thread. Errors are positive errnos.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "device/fs/file_numbers.hpp"
#include "device/fs/fuse_request.hpp"
#include "device/fs/inode_table.hpp"
#include "device/fs/lock_table.hpp"
#include "device/fs/metadata.hpp"
#include "device/fs/quota.hpp"
#include "virtio/chain.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msb::device {

/// The answer to a request: `body`, or data that was put into the guest's memory directly.
struct FuseReply {
    Bytes body;
    virtio::Cursor in;      ///< data of a write
    virtio::Cursor out;     ///< where data of a read goes
    std::uint64_t sent = 0; ///< bytes put there

    template <typename T> void append(const T& value) {
        const BytesView bytes = object_bytes(value);
        body.insert(body.end(), bytes.begin(), bytes.end());
    }
};

class Passthrough {
  public:
    struct GuestUser {
        std::uint32_t uid = 0;
        std::uint32_t gid = 0;
    };
    struct Options {
        bool read_only = false;
        bool keep_metadata = true; ///< false: owner and mode are the host's
        bool mirror_modes = false; ///< the host's mode follows the guest's, too
        bool cached = false;       ///< the guest may use what it was told for a second
        Quota::Limits quota;
        std::string file_name; ///< if not empty: the share is one file, seen by this name
        /// What the numbers that the guest has for files begin with: Shares::first_id().
        std::uint64_t first_id = 0;
        std::size_t inodes = 1 << 20;
        std::size_t descriptors = 1024; ///< between requests, for inodes
        std::size_t handles = 1024;     ///< open files and directories
        /// Asked at the start of each session: whom the guest sees as the owner of the user's
        /// files.
        std::function<GuestUser()> guest_user;
        /// Where this process's descriptors have names.
        std::string descriptor_names = "/proc/self/fd/";
    };

    /// `source`: O_PATH of the directory or file.
    static Result<std::unique_ptr<Passthrough>> create(OwnedFd source, Options options);

    /// What handle() answers when the request has to be made again: a lock is not free yet.
    static constexpr int later = -1;

    /// 0 or errno; the body of the answer counts only with 0.
    int handle(const fuse_in_header& header, const fuse::Operation& operation, FuseReply& reply);
    /// Forgets the guest.
    void reset();

    std::size_t inodes() const { return table_.size(); }
    std::size_t open_handles() const { return handles_.size() - free_handles_.size(); }

  private:
    struct Handle {
        OwnedFd fd;
        InodeRef inode;
        bool directory = false;
        bool writable = false;
        // Directories: entries that were read from the host and not yet handed out.
        Bytes entries;
        std::size_t position = 0;
        std::uint64_t offset = 0; ///< of the entry at `position`
    };
    struct Caller {
        std::uint32_t uid;
        std::uint32_t gid;
    };
    struct Look {
        InodeRef inode;
        int fd;
        struct stat info;
    };
    struct Target { ///< of a name that is about to go away
        struct stat info{};
        InodeRef inode; ///< if the guest knows it
    };
    struct Validity {
        std::uint64_t seconds;
        std::uint32_t nanoseconds;
    };
    struct DirectoryEntry {
        std::string_view name;
        std::uint64_t inode;
        std::uint8_t type;  ///< DT_*
        std::uint64_t next; ///< offset of what follows
    };
    using Fd = std::expected<int, int>;

    /// One of `root` and `file`.
    Passthrough(OwnedFd root, OwnedFd file, const struct stat& info, Options options);

    // One for each operation. `node` is what the request's header names.
    int run(const fuse::Init&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Destroy&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Lookup&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Forget&, Inode& node, Caller, FuseReply&);
    int run(const fuse::BatchForget&, Inode& node, Caller, FuseReply&);
    int run(const fuse::GetAttributes&, Inode& node, Caller, FuseReply&);
    int run(const fuse::GetStatx&, Inode& node, Caller, FuseReply&);
    int run(const fuse::SetAttributes&, Inode& node, Caller, FuseReply&);
    int run(const fuse::ReadLink&, Inode& node, Caller, FuseReply&);
    int run(const fuse::MakeLink&, Inode& node, Caller, FuseReply&);
    int run(const fuse::MakeNode&, Inode& node, Caller, FuseReply&);
    int run(const fuse::MakeDirectory&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Unlink&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Rename&, Inode& node, Caller, FuseReply&);
    int run(const fuse::HardLink&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Open&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Create&, Inode& node, Caller, FuseReply&);
    int run(const fuse::MakeUnnamed&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Read&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Write&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Release&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Sync&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Flush&, Inode& node, Caller, FuseReply&);
    int run(const fuse::GetLock&, Inode& node, Caller, FuseReply&);
    int run(const fuse::SetLock&, Inode& node, Caller, FuseReply&);
    int run(const fuse::StatFs&, Inode& node, Caller, FuseReply&);
    int run(const fuse::SetXattr&, Inode& node, Caller, FuseReply&);
    int run(const fuse::GetXattr&, Inode& node, Caller, FuseReply&);
    int run(const fuse::ListXattr&, Inode& node, Caller, FuseReply&);
    int run(const fuse::RemoveXattr&, Inode& node, Caller, FuseReply&);
    int run(const fuse::ReadDirectory&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Allocate&, Inode& node, Caller, FuseReply&);
    int run(const fuse::Seek&, Inode& node, Caller, FuseReply&);
    int run(const fuse::CopyRange&, Inode& node, Caller, FuseReply&);

    bool single_file() const { return !options_.file_name.empty(); }
    std::string name_of(int fd) const { return options_.descriptor_names + std::to_string(fd); }

    // Names (passthrough_names.cpp)
    Fd directory(Inode& node);
    std::expected<Look, int> look_up(Inode& parent, std::string_view name);
    std::expected<Look, int> look_up_known(Inode& parent, std::string_view name);
    Metadata new_metadata(int parent, std::uint32_t mode, std::uint32_t rdev, Caller caller) const;
    int finish_made(Inode& parent, std::string_view name, const Metadata& metadata,
                    FuseReply& reply);
    std::expected<Target, int> target(int directory, std::string_view name);
    void count_removal(const Target& removed);
    void count_end(const Inode& inode, int fd);

    // Attributes (passthrough_attributes.cpp)
    fuse_attr attributes(Inode& inode, int fd, const struct stat& info);
    Validity names_validity() const;
    Validity attributes_validity(const Inode& inode) const;
    Metadata metadata_of(Inode& inode, int fd, const struct stat& info) const;
    std::optional<Metadata> stored_metadata(int fd, mode_t type) const;
    std::optional<Metadata> remembered_metadata(Inode& inode, int fd,
                                                const struct stat& info) const;
    int set_owner_and_mode(Inode& node, int fd, const struct stat& info, const fuse_setattr_in& in);
    int set_size(Inode& node, int fd, const fuse_setattr_in& in);
    int set_times(int fd, const fuse_setattr_in& in);
    int keep(int fd, const Metadata& metadata, const struct stat& info);
    int kill_privileges(Inode& node, int fd);
    mode_t host_mode(std::uint32_t mode, mode_t before) const;
    int change_mode(int fd, const struct stat& info, mode_t mode) const;
    mode_t new_host_mode(std::uint32_t mode) const;
    fuse_entry_out entry(Inode& inode, int fd, const struct stat& info);

    // Locks (passthrough_locks.cpp)
    bool may_lock(Inode& node);
    int open_for_locks(Inode& node);

    // Open files (passthrough_files.cpp)
    Fd reopen(int fd, const Inode& node, int flags);
    int add_handle(OwnedFd fd, Inode& inode, int flags, const struct stat& info, FuseReply& reply);
    void note_cached(Inode& inode, const struct stat& info) const;
    Handle* file(std::uint64_t handle);
    Handle* writable_file(std::uint64_t handle);
    void changed(Inode& inode) const;
    Handle* open_directory(std::uint64_t handle);
    int list_single_file(const fuse::ReadDirectory& in, Inode& node, std::size_t room,
                         FuseReply& reply);
    int fill_entries(Handle& handle, std::uint64_t offset);
    bool add_entry(Inode& node, const DirectoryEntry& entry, bool plus, std::size_t room,
                   FuseReply& reply);

    Options options_;
    uid_t own_uid_;
    gid_t own_gid_;
    GuestUser guest_user_;
    OwnedFd file_; ///< single_file(): the file; the root of the table is not a host file then
    struct stat file_info_{};
    Quota quota_;
    FileNumbers numbers_;
    InodeTable table_;
    LockTable locks_;
    std::vector<std::unique_ptr<Handle>> handles_;
    std::vector<std::size_t> free_handles_;
    std::vector<iovec> pieces_;
};

} // namespace msb::device
