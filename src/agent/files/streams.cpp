// The operations that stream: file contents and whole trees.
#include "agent/files/ops.hpp"
#include "tar/extract.hpp"
#include "tar/pack.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace msb::agent {

namespace {

/// Reads at an offset, or where a pipe or terminal stands; 0 is the end.
Result<std::size_t> read_some(const OpenHandle& handle, MutableBytesView buffer, off_t offset,
                              const FileWork& work) {
    for (;;) {
        MSB_TRY(work.cancellation.check());
        const int fd = handle.descriptor();
        ssize_t count = ::pread(fd, buffer.data(), buffer.size(), offset);
        if (count == -1 && errno == ESPIPE)
            count = ::read(fd, buffer.data(), buffer.size());
        if (count >= 0)
            return static_cast<std::size_t>(count);
        if (errno == EAGAIN)
            MSB_TRY(wait_until_ready(fd, POLLIN, work.cancellation));
        else if (errno != EINTR)
            return fail_errno("read", handle.path);
    }
}

FileResult read_file(const wire::FsRead& op, const FileWork& work) {
    const auto handle = MSB_TRY(work.handles.find(op.handle));
    off_t offset = MSB_TRY(to_offset(op.offset));
    std::uint64_t left = op.len.value_or(UINT64_MAX);
    Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(left, StreamQueue::chunk)));
    while (left > 0) {
        const MutableBytesView room = MutableBytesView(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size())));
        const std::size_t count = MSB_TRY(read_some(*handle, room, offset, work));
        if (count == 0)
            break;
        MSB_TRY(work.data->write(room.first(count)));
        left -= count;
        offset += static_cast<off_t>(count);
    }
    return done();
}

Status write_some(const OpenHandle& handle, BytesView data, off_t offset, const FileWork& work) {
    while (!data.empty()) {
        MSB_TRY(work.cancellation.check());
        const int fd = handle.descriptor();
        // A file opened for appending ignores the offset.
        ssize_t count = handle.append ? -1 : ::pwrite(fd, data.data(), data.size(), offset);
        if (handle.append || (count == -1 && errno == ESPIPE))
            count = ::write(fd, data.data(), data.size());
        if (count >= 0) {
            data = data.subspan(static_cast<std::size_t>(count));
            offset += static_cast<off_t>(count);
        } else if (errno == EAGAIN) {
            MSB_TRY(wait_until_ready(fd, POLLOUT, work.cancellation));
        } else if (errno != EINTR) {
            return fail_errno("write", handle.path);
        }
    }
    return {};
}

FileResult write_file(const wire::FsWrite& op, const FileWork& work) {
    const auto handle = MSB_TRY(work.handles.find(op.handle));
    off_t offset = MSB_TRY(to_offset(op.offset));
    if (!checked_add(op.offset, op.len.value_or(0)) || !to_offset(op.offset + op.len.value_or(0)))
        return fail(
            Error::from_errno(EFBIG, "write", handle->path).with_kind(ErrorKind::invalid_argument));
    std::uint64_t written = 0;
    Bytes buffer(StreamQueue::chunk);
    for (;;) {
        const std::size_t count = MSB_TRY(work.data->read(buffer));
        if (count == 0)
            break;
        if (op.len && count > *op.len - written)
            return fail(ErrorKind::invalid_argument,
                        "more data than the announced " + std::to_string(*op.len) + " bytes");
        if (!checked_add(offset, static_cast<off_t>(count)))
            return fail(Error::from_errno(EFBIG, "write", handle->path));
        MSB_TRY(write_some(*handle, BytesView(buffer).first(count), offset, work));
        offset += static_cast<off_t>(count);
        written += count;
    }
    if (op.len && written < *op.len)
        return fail(ErrorKind::invalid_argument, "the data ended after " + std::to_string(written) +
                                                     " of the announced " +
                                                     std::to_string(*op.len) + " bytes");
    return done();
}

/// What a tree is called when the request does not say: its last component.
std::string base_name(std::string path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    path.erase(0, path.rfind('/') + 1);
    return path.empty() || path == ".." ? "." : path;
}

FileResult read_tree(const wire::FsReadTree& op, const FileWork& work) {
    MSB_TRY(check_path(op.path));
    PackOptions options;
    options.name = op.name.value_or(base_name(op.path));
    options.own_xattrs = op.own_xattrs;
    options.follow = op.path.ends_with('/') || op.path.ends_with("/.");
    if (options.name.empty() || options.name.size() > 4096 || options.name == ".." ||
        options.name.find('/') != std::string::npos || options.name.find('\0') != std::string::npos)
        return fail(ErrorKind::invalid_argument, "a tree cannot be called '" + options.name + "'");
    TreeProgress progress{.tick = [&] { return work.cancellation.check(); }};
    MSB_TRY(pack_tree(op.path, options, *work.data, progress));
    return done();
}

FileResult write_tree(const wire::FsWriteTree& op, const FileWork& work) {
    MSB_TRY(check_path(op.path));
    const OwnedFd directory(::open(op.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return fail_errno("open", op.path);
    ExtractOptions options;
    options.only = op.only;
    options.owners = op.owners;
    options.overwrite = op.overwrite;
    options.own_xattrs = op.own_xattrs;
    TreeProgress progress{.tick = [&] { return work.cancellation.check(); }};
    MSB_TRY(extract_tree(directory.get(), options, *work.data, progress));
    // What follows the end of the archive (tar pads with zero blocks) is taken and dropped.
    Bytes rest(std::size_t{16} << 10);
    while (MSB_TRY(work.data->read(rest)) > 0)
        MSB_TRY(work.cancellation.check());
    return done();
}

} // namespace

FileResult stream(const FileWork& work) {
    const wire::FsOp& op = work.request.op;
    if (const auto* read = std::get_if<wire::FsRead>(&op))
        return read_file(*read, work);
    if (const auto* write = std::get_if<wire::FsWrite>(&op))
        return write_file(*write, work);
    if (const auto* tree = std::get_if<wire::FsReadTree>(&op))
        return read_tree(*tree, work);
    if (const auto* tree = std::get_if<wire::FsWriteTree>(&op))
        return write_tree(*tree, work);
    return fail(ErrorKind::unsupported, "not a stream");
}

} // namespace msb::agent
