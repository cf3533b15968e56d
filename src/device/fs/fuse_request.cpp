#include "device/fs/fuse_request.hpp"

#include <cerrno>
#include <climits>
#include <cstring>

namespace msb::device::fuse {

namespace {

/// Takes a body apart from the front. After the first error everything it returns is empty.
class Reader {
  public:
    explicit Reader(BytesView body) : rest_(body) {}

    template <typename T> T take() {
        T value{};
        if (rest_.size() < sizeof(T)) {
            set_error(EINVAL);
            return value;
        }
        std::memcpy(&value, rest_.data(), sizeof(T));
        rest_ = rest_.subspan(sizeof(T));
        return value;
    }

    /// Up to a NUL byte, which has to be there.
    std::string_view text(std::size_t max) {
        const void* const end =
            rest_.empty() ? nullptr : std::memchr(rest_.data(), 0, rest_.size());
        if (end == nullptr) {
            set_error(EINVAL);
            return {};
        }
        const auto length =
            static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - rest_.data());
        const std::string_view text = as_text(rest_.first(length));
        rest_ = rest_.subspan(length + 1);
        if (length > max)
            set_error(ENAMETOOLONG);
        return error_ == 0 ? text : std::string_view();
    }

    std::string_view name() {
        const std::string_view name = text(NAME_MAX);
        if (error_ == 0 && (name.empty() || name == "." || name == ".." ||
                            name.find('/') != std::string_view::npos))
            set_error(EINVAL);
        return error_ == 0 ? name : std::string_view();
    }

    BytesView bytes(std::size_t count) {
        if (rest_.size() < count) {
            set_error(EINVAL);
            return {};
        }
        const BytesView taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }

    void set_error(int error) {
        if (error_ == 0)
            error_ = error;
        rest_ = {};
    }
    void ignore_rest() { rest_ = {}; }

    /// Nothing may be left over.
    std::expected<Operation, int> finish(Operation operation) {
        if (!rest_.empty())
            set_error(EINVAL);
        if (error_ != 0)
            return std::unexpected(error_);
        return operation;
    }

  private:
    BytesView rest_;
    int error_ = 0;
};

std::expected<Operation, int> decode_init(Reader& reader) {
    Init init;
    init.major = reader.take<std::uint32_t>();
    init.minor = reader.take<std::uint32_t>();
    init.max_readahead = reader.take<std::uint32_t>();
    init.flags = reader.take<std::uint32_t>();
    reader.ignore_rest(); // later versions have more to say
    return reader.finish(init);
}

std::expected<Operation, int> decode_batch_forget(Reader& reader) {
    const auto in = reader.take<fuse_batch_forget_in>();
    return reader.finish(
        BatchForget{reader.bytes(std::size_t{in.count} * sizeof(fuse_forget_one))});
}

std::expected<Operation, int> decode_node(std::uint32_t opcode, Reader& reader) {
    switch (opcode) {
    case FUSE_SYMLINK: {
        const auto name = reader.name();
        const auto target = reader.text(PATH_MAX - 1);
        if (target.empty())
            reader.set_error(ENOENT);
        return reader.finish(MakeLink{name, target});
    }
    case FUSE_MKNOD: {
        const auto in = reader.take<fuse_mknod_in>();
        return reader.finish(MakeNode{in.mode, in.rdev, reader.name()});
    }
    case FUSE_MKDIR: {
        const auto in = reader.take<fuse_mkdir_in>();
        return reader.finish(MakeDirectory{in.mode, reader.name()});
    }
    case FUSE_CREATE: {
        const auto in = reader.take<fuse_create_in>();
        return reader.finish(Create{in.flags, in.mode,
                                    (in.open_flags & FUSE_OPEN_KILL_SUIDGID) != 0, reader.name()});
    }
    case FUSE_TMPFILE: {
        const auto in = reader.take<fuse_create_in>();
        reader.text(NAME_MAX); // which it does not get
        return reader.finish(MakeUnnamed{in.flags, in.mode});
    }
    case FUSE_LINK: {
        const auto in = reader.take<fuse_link_in>();
        return reader.finish(HardLink{in.oldnodeid, reader.name()});
    }
    default: return std::unexpected(ENOSYS);
    }
}

std::expected<Operation, int> decode_rename(std::uint32_t opcode, Reader& reader) {
    Rename rename;
    if (opcode == FUSE_RENAME2) {
        const auto in = reader.take<fuse_rename2_in>();
        rename.new_parent = in.newdir;
        rename.flags = in.flags;
    } else {
        rename.new_parent = reader.take<fuse_rename_in>().newdir;
    }
    rename.name = reader.name();
    rename.new_name = reader.name();
    return reader.finish(rename);
}

std::expected<Operation, int> decode_handle(std::uint32_t opcode, Reader& reader,
                                            std::uint64_t data_size) {
    switch (opcode) {
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
        const auto in = reader.take<fuse_open_in>();
        return reader.finish(
            Open{in.flags, (in.open_flags & FUSE_OPEN_KILL_SUIDGID) != 0, opcode == FUSE_OPENDIR});
    }
    case FUSE_READ: {
        const auto in = reader.take<fuse_read_in>();
        return reader.finish(Read{in.fh, in.offset, in.size});
    }
    case FUSE_WRITE: {
        const auto in = reader.take<fuse_write_in>();
        if (in.size != data_size)
            reader.set_error(EINVAL);
        return reader.finish(Write{in.fh, in.offset, in.size, in.flags,
                                   (in.write_flags & FUSE_WRITE_KILL_SUIDGID) != 0});
    }
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
        return reader.finish(Release{reader.take<fuse_release_in>().fh, opcode == FUSE_RELEASEDIR});
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR: {
        const auto in = reader.take<fuse_fsync_in>();
        return reader.finish(
            Sync{in.fh, (in.fsync_flags & FUSE_FSYNC_FDATASYNC) != 0, opcode == FUSE_FSYNCDIR});
    }
    case FUSE_FLUSH: return reader.finish(Flush{reader.take<fuse_flush_in>().lock_owner});
    case FUSE_GETLK: {
        const auto in = reader.take<fuse_lk_in>();
        return reader.finish(GetLock{in.fh, in.owner, in.lk});
    }
    case FUSE_SETLK:
    case FUSE_SETLKW: {
        const auto in = reader.take<fuse_lk_in>();
        return reader.finish(SetLock{in.fh, in.owner, in.lk, (in.lk_flags & FUSE_LK_FLOCK) != 0,
                                     opcode == FUSE_SETLKW});
    }
    case FUSE_READDIR:
    case FUSE_READDIRPLUS: {
        const auto in = reader.take<fuse_read_in>();
        return reader.finish(ReadDirectory{in.fh, in.offset, in.size, opcode == FUSE_READDIRPLUS});
    }
    case FUSE_FALLOCATE: {
        const auto in = reader.take<fuse_fallocate_in>();
        return reader.finish(Allocate{in.fh, in.offset, in.length, in.mode});
    }
    case FUSE_LSEEK: {
        const auto in = reader.take<fuse_lseek_in>();
        return reader.finish(Seek{in.fh, in.offset, in.whence});
    }
    case FUSE_COPY_FILE_RANGE:
        return reader.finish(CopyRange{reader.take<fuse_copy_file_range_in>()});
    default: return std::unexpected(ENOSYS);
    }
}

std::expected<Operation, int> decode_xattr(std::uint32_t opcode, Reader& reader) {
    switch (opcode) {
    case FUSE_SETXATTR: {
        // Without FUSE_SETXATTR_EXT only the first half of fuse_setxattr_in is sent.
        const auto size = reader.take<std::uint32_t>();
        const auto flags = reader.take<std::uint32_t>();
        const auto name = reader.text(XATTR_NAME_MAX);
        return reader.finish(SetXattr{flags, name, reader.bytes(size)});
    }
    case FUSE_GETXATTR: {
        const auto in = reader.take<fuse_getxattr_in>();
        return reader.finish(GetXattr{in.size, reader.text(XATTR_NAME_MAX)});
    }
    case FUSE_LISTXATTR: return reader.finish(ListXattr{reader.take<fuse_getxattr_in>().size});
    case FUSE_REMOVEXATTR: return reader.finish(RemoveXattr{reader.text(XATTR_NAME_MAX)});
    default: return std::unexpected(ENOSYS);
    }
}

} // namespace

fuse_forget_one BatchForget::at(std::size_t index) const {
    fuse_forget_one entry{};
    std::memcpy(&entry, entries.data() + index * sizeof(entry), sizeof(entry));
    return entry;
}

bool is_silent(std::uint32_t opcode) {
    return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT;
}

std::expected<Operation, int> decode(std::uint32_t opcode, BytesView body,
                                     std::uint64_t data_size) {
    Reader reader(body);
    switch (opcode) {
    case FUSE_INIT: return decode_init(reader);
    case FUSE_DESTROY: return reader.finish(Destroy{});
    case FUSE_LOOKUP: return reader.finish(Lookup{reader.name()});
    case FUSE_FORGET: return reader.finish(Forget{reader.take<fuse_forget_in>().nlookup});
    case FUSE_BATCH_FORGET: return decode_batch_forget(reader);
    case FUSE_GETATTR: reader.take<fuse_getattr_in>(); return reader.finish(GetAttributes{});
    case opcode_statx: reader.take<StatxIn>(); return reader.finish(GetStatx{});
    case FUSE_SETATTR: return reader.finish(SetAttributes{reader.take<fuse_setattr_in>()});
    case FUSE_READLINK: return reader.finish(ReadLink{});
    case FUSE_UNLINK:
    case FUSE_RMDIR: return reader.finish(Unlink{reader.name(), opcode == FUSE_RMDIR});
    case FUSE_RENAME:
    case FUSE_RENAME2: return decode_rename(opcode, reader);
    case FUSE_STATFS: return reader.finish(StatFs{});
    case FUSE_SETXATTR:
    case FUSE_GETXATTR:
    case FUSE_LISTXATTR:
    case FUSE_REMOVEXATTR: return decode_xattr(opcode, reader);
    case FUSE_SYMLINK:
    case FUSE_MKNOD:
    case FUSE_MKDIR:
    case FUSE_CREATE:
    case FUSE_TMPFILE:
    case FUSE_LINK: return decode_node(opcode, reader);
    default: return decode_handle(opcode, reader, data_size);
    }
}

} // namespace msb::device::fuse
