#include "device/fs/passthrough.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/statfs.h>
#include <type_traits>
#include <unistd.h>

namespace msb::device {

namespace {

/// Bytes of one read or write; what the guest may send also depends on its queue.
constexpr std::uint32_t max_pages = 1024;
constexpr std::uint32_t page_size = 4096;
constexpr std::uint32_t oldest_minor = 31; ///< the first with virtio-fs
constexpr std::uint16_t max_background = 64;

constexpr std::uint32_t wanted_features =
    FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_AUTO_INVAL_DATA |
    FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |
    FUSE_HANDLE_KILLPRIV_V2 | FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;
/// What was read with a directory would be looked up again, unless it may be remembered.
constexpr std::uint32_t wanted_if_cached = FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO;

template <typename T, typename... Set> constexpr bool is_one_of = (std::is_same_v<T, Set> || ...);

bool changes_something(const fuse::Operation& operation) {
    return std::visit(
        []<typename T>(const T& in) {
            if constexpr (std::is_same_v<T, fuse::Open>)
                return !in.directory &&
                       ((in.flags & O_ACCMODE) != O_RDONLY || (in.flags & O_TRUNC) != 0);
            else
                return is_one_of<T, fuse::SetAttributes, fuse::MakeLink, fuse::MakeNode,
                                 fuse::MakeDirectory, fuse::Unlink, fuse::Rename, fuse::HardLink,
                                 fuse::Create, fuse::MakeUnnamed, fuse::Write, fuse::SetXattr,
                                 fuse::RemoveXattr, fuse::Allocate, fuse::CopyRange>;
        },
        operation);
}

/// What the made-up directory around a single file can do.
bool works_around_file(const fuse::Operation& operation) {
    return std::visit(
        []<typename T>(const T& in) {
            if constexpr (std::is_same_v<T, fuse::Open>)
                return in.directory;
            else
                return is_one_of<T, fuse::Init, fuse::Destroy, fuse::Lookup, fuse::Forget,
                                 fuse::BatchForget, fuse::GetAttributes, fuse::GetStatx,
                                 fuse::ReadDirectory, fuse::Release, fuse::StatFs>;
        },
        operation);
}

struct stat made_up_directory() {
    struct stat info{};
    info.st_mode = S_IFDIR;
    return info;
}

} // namespace

Result<std::unique_ptr<Passthrough>> Passthrough::create(OwnedFd source, Options options) {
    const auto info = MSB_TRY(sys::fstat(source.get()));
    const mode_t type = options.file_name.empty() ? S_IFDIR : S_IFREG;
    if ((info.st_mode & S_IFMT) != type)
        return fail(ErrorKind::invalid_argument, "the shared source is of another type");
    OwnedFd none;
    return std::unique_ptr<Passthrough>(
        type == S_IFDIR
            ? new Passthrough(std::move(source), std::move(none), info, std::move(options))
            : new Passthrough(std::move(none), std::move(source), info, std::move(options)));
}

Passthrough::Passthrough(OwnedFd root, OwnedFd file, const struct stat& info, Options options)
    : options_(std::move(options)), own_uid_(::geteuid()), own_gid_(::getegid()),
      file_(std::move(file)), file_info_(info), quota_(options_.quota), numbers_(info.st_dev),
      table_(std::move(root), single_file() ? made_up_directory() : info,
             {options_.inodes, options_.descriptors, options_.first_id},
             [this](const Inode& inode, int fd) { count_end(inode, fd); }),
      locks_(options_.handles) {}

int Passthrough::handle(const fuse_in_header& header, const fuse::Operation& operation,
                        FuseReply& reply) {
    InodeRef node = table_.find(header.nodeid);
    if (!node) {
        if (std::holds_alternative<fuse::Forget>(operation))
            return 0;
        if (!std::holds_alternative<fuse::Init>(operation) &&
            !std::holds_alternative<fuse::Destroy>(operation) &&
            !std::holds_alternative<fuse::BatchForget>(operation))
            return ESTALE;
        node = table_.root();
    }
    if (options_.read_only && changes_something(operation))
        return EROFS;
    if (single_file() && table_.is_root(*node) && !works_around_file(operation))
        return EPERM;
    const int error = std::visit(
        [&](const auto& in) { return run(in, *node, {header.uid, header.gid}, reply); }, operation);
    table_.trim();
    return error;
}

void Passthrough::reset() {
    locks_.clear();
    handles_.clear();
    free_handles_.clear();
    table_.clear();
}

int Passthrough::run(const fuse::Init& in, Inode&, Caller, FuseReply& reply) {
    reset();
    if (options_.guest_user)
        guest_user_ = options_.guest_user();
    fuse_init_out out{};
    out.major = FUSE_KERNEL_VERSION;
    if (in.major > FUSE_KERNEL_VERSION) { // the guest will ask again, with our version
        reply.append(out);
        return 0;
    }
    if (in.major < FUSE_KERNEL_VERSION || in.minor < oldest_minor)
        return EPROTO;
    out.minor = std::min<std::uint32_t>(in.minor, FUSE_KERNEL_MINOR_VERSION);
    out.max_readahead = in.max_readahead;
    out.flags = in.flags & (wanted_features | (options_.cached ? wanted_if_cached : 0));
    out.max_background = max_background;
    out.congestion_threshold = max_background * 3 / 4;
    out.max_write = max_pages * page_size;
    out.time_gran = 1;
    out.max_pages = max_pages;
    reply.append(out);
    return 0;
}

int Passthrough::run(const fuse::Destroy&, Inode&, Caller, FuseReply&) {
    reset();
    return 0;
}

int Passthrough::run(const fuse::Forget& in, Inode& node, Caller, FuseReply&) {
    table_.forget(node, in.count);
    return 0;
}

int Passthrough::run(const fuse::BatchForget& in, Inode&, Caller, FuseReply&) {
    for (std::size_t i = 0; i < in.size(); ++i) {
        const fuse_forget_one entry = in.at(i);
        if (const InodeRef inode = table_.find(entry.nodeid))
            table_.forget(*inode, entry.nlookup);
    }
    return 0;
}

int Passthrough::run(const fuse::StatFs&, Inode&, Caller, FuseReply& reply) {
    const int fd = single_file() ? file_.get() : table_.descriptor(*table_.root()).value_or(-1);
    struct statfs info{};
    if (::fstatfs(fd, &info) == -1)
        return errno;
    if (quota_.limits_bytes() && info.f_bsize > 0) {
        const auto block = static_cast<std::uint64_t>(info.f_bsize);
        const std::uint64_t free = quota_.free_bytes() / block;
        info.f_blocks = std::max(quota_.limits().bytes / block, free);
        info.f_bfree = info.f_bavail = std::min<std::uint64_t>(info.f_bavail, free);
    }
    if (quota_.limits_names()) {
        const std::uint64_t free = quota_.free_names();
        info.f_files = std::max(quota_.limits().names, free);
        // Some file systems have no number of free inodes.
        info.f_ffree = info.f_ffree == 0 ? free : std::min<std::uint64_t>(info.f_ffree, free);
    }
    fuse_statfs_out out{};
    out.st.blocks = info.f_blocks;
    out.st.bfree = info.f_bfree;
    out.st.bavail = info.f_bavail;
    out.st.files = info.f_files;
    out.st.ffree = info.f_ffree;
    out.st.bsize = static_cast<std::uint32_t>(info.f_bsize);
    out.st.namelen = static_cast<std::uint32_t>(info.f_namelen);
    out.st.frsize = static_cast<std::uint32_t>(info.f_frsize);
    reply.append(out);
    return 0;
}

} // namespace msb::device
