// What each request of SFTP asks of the agent.
#include "base/time.hpp"
#include "ssh/sftp_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fmt/core.h>
#include <sys/stat.h>

namespace msb::sftp {

namespace {

constexpr std::uint32_t names_at_once = 128;
constexpr std::uint32_t mode_bits = 07777;

/// Null if the agent answered with something else.
template <typename T> const T* get(const wire::FsResponse& response) {
    return response.data ? std::get_if<T>(&*response.data) : nullptr;
}

std::uint32_t seconds_of(std::optional<std::int64_t> time) {
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(time.value_or(0), 0, ~std::uint32_t{0}));
}

Attributes attributes_of(const wire::FsEntry& entry) {
    return {.size = entry.size,
            .owner = {{entry.uid, entry.gid}},
            .permissions = entry.mode,
            .times = {{seconds_of(entry.atime), seconds_of(entry.mtime)}}};
}

std::string last_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

char letter_of(std::uint32_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    case S_IFIFO: return 'p';
    case S_IFSOCK: return 's';
    case S_IFBLK: return 'b';
    case S_IFCHR: return 'c';
    default: return '-';
    }
}

/// A line as `ls -l` prints it: `sftp` shows it as it is.
std::string long_name(const wire::FsEntry& entry) {
    std::string mode(1, letter_of(entry.mode));
    for (int bit = 8; bit >= 0; --bit)
        mode += (entry.mode >> bit & 1U) != 0 ? "xwr"[bit % 3] : '-';
    const auto seconds = static_cast<std::time_t>(seconds_of(entry.mtime));
    std::tm time{};
    std::array<char, 32> date{};
    if (::gmtime_r(&seconds, &time) == nullptr ||
        std::strftime(date.data(), date.size(), "%b %e %H:%M %Y", &time) == 0)
        date[0] = '?';
    return fmt::format("{} {:>4} {:<8} {:<8} {:>10} {} {}", mode, entry.links.value_or(1),
                       entry.uid, entry.gid, entry.size, date.data(), last_name(entry.path));
}

wire::FsAttributes to_wire(const Attributes& attributes) {
    wire::FsAttributes wire;
    wire.size = attributes.size;
    if (attributes.permissions)
        wire.mode = *attributes.permissions & mode_bits;
    if (attributes.owner) {
        wire.uid = attributes.owner->first;
        wire.gid = attributes.owner->second;
    }
    if (attributes.times) {
        wire.atime = attributes.times->first;
        wire.mtime = attributes.times->second;
    }
    return wire;
}

/// Without "." and "..", for a path of which not everything exists.
std::string tidied(const std::string& path) {
    std::string result;
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part == "..")
            result.resize(result.empty() ? 0 : result.rfind('/'));
        else if (!part.empty() && part != ".")
            result += "/" + part;
    }
    return result.empty() ? "/" : result;
}

void reply_name(Bytes& out, std::uint32_t id, const std::string& name) {
    Reply(out, Type::name, id).number(1).text(name).text(name).attributes({});
}

} // namespace

void Server::handle_request(Request request) {
    switch (request.type) {
    case Type::init: return greet();
    case Type::open: return open(request);
    case Type::opendir: return open_directory(request);
    case Type::close: return close(request);
    case Type::read: return read(request);
    case Type::write: return write(request);
    case Type::readdir: return read_directory(request);
    case Type::extended: return handle_extension(request);
    case Type::fstat:
    case Type::fsetstat: {
        const auto handle = find(request.handle);
        if (!handle)
            return answer(request.id, StatusCode::failure, "no such handle");
        if (request.type == Type::fstat)
            return stat(request.id, wire::FsFStat{handle->number});
        return simple(request.id, wire::FsFSetStat{handle->number, to_wire(request.attributes)});
    }
    default: return handle_name(request);
    }
}

void Server::handle_name(const Request& request) {
    const std::uint32_t id = request.id;
    const std::string path = absolute(request.path);
    switch (request.type) {
    case Type::stat: return stat(id, wire::FsStat{path, true});
    case Type::lstat: return stat(id, wire::FsStat{path, false});
    case Type::setstat: return set_attributes(request, true);
    case Type::remove: return simple(id, wire::FsRemove{path});
    case Type::rmdir: return simple(id, wire::FsRemoveDir{path, false});
    case Type::mkdir: return make_directory(request);
    case Type::rename: return rename(request);
    case Type::realpath: return real_path(request);
    case Type::readlink: return read_link(request);
    // In the order in which OpenSSH sends the two, which is not the draft's.
    case Type::symlink: return simple(id, wire::FsSymlink{request.path, absolute(request.second)});
    default: return answer(id, StatusCode::unsupported, "not supported");
    }
}

void Server::handle_extension(const Request& request) {
    const std::uint32_t id = request.id;
    const std::string path = absolute(request.path);
    const std::string& name = request.extension;
    if (name == "posix-rename@openssh.com")
        return simple(id, wire::FsRename{path, absolute(request.second)});
    if (name == "hardlink@openssh.com")
        return simple(id, wire::FsLink{path, absolute(request.second)});
    if (name == "lsetstat@openssh.com")
        return set_attributes(request, false);
    if (name == "statvfs@openssh.com")
        return space(request);
    if (name == "limits@openssh.com")
        return limits(id);
    if (name != "fsync@openssh.com")
        return answer(id, StatusCode::unsupported, "not supported");
    const auto handle = find(request.handle);
    if (!handle)
        return answer(id, StatusCode::failure, "no such handle");
    simple(id, wire::FsFSync{handle->number, false});
}

void Server::greet() {
    Reply reply(out_.tail(), Type::version, version);
    for (const auto& [name, number] :
         {std::pair("posix-rename@openssh.com", "1"), std::pair("statvfs@openssh.com", "2"),
          std::pair("hardlink@openssh.com", "1"), std::pair("fsync@openssh.com", "1"),
          std::pair("lsetstat@openssh.com", "1"), std::pair("limits@openssh.com", "1")})
        reply.text(name).text(number);
}

void Server::open(const Request& request) {
    const auto has = [&](std::uint32_t flag) { return (request.flags & flag) != 0; };
    auto handle = std::make_shared<Handle>();
    handle->path = absolute(request.path);
    handle->append = has(open_flag::append);
    wire::FsOpenOptions options{.read = has(open_flag::read),
                                .write = has(open_flag::write),
                                .append = handle->append,
                                .create = has(open_flag::create),
                                .truncate = has(open_flag::truncate),
                                .create_new = has(open_flag::create) && has(open_flag::exclusive)};
    if (request.attributes.permissions)
        options.mode = *request.attributes.permissions & mode_bits;
    open_as(request.id, wire::FsOpenFile{handle->path, options}, handle);
}

void Server::open_directory(const Request& request) {
    auto handle = std::make_shared<Handle>();
    handle->path = absolute(request.path);
    handle->directory = true;
    open_as(request.id, wire::FsOpenDir{handle->path}, handle);
}

void Server::open_as(std::uint32_t id, wire::FsOp op, const std::shared_ptr<Handle>& handle) {
    // Of what is pending, all may become handles.
    if (handles_.size() + pending_.size() >= max_handles)
        return answer(id, StatusCode::failure, "too many open files");
    begin(id, std::move(op), [this, id, handle](const wire::FsResponse& response) {
        const auto* number = get<std::uint64_t>(response);
        if (number == nullptr)
            return answer(id, StatusCode::failure, "the agent gave no handle");
        handle->number = *number;
        const std::string name = add(handle);
        Reply(out_.tail(), Type::handle, id).text(name);
    });
}

void Server::close(const Request& request) {
    const auto handle = find(request.handle);
    if (!handle)
        return answer(request.id, StatusCode::failure, "no such handle");
    handles_.erase(load_be<std::uint32_t>(as_bytes(request.handle)));
    simple(request.id, wire::FsCloseHandle{handle->number});
}

void Server::read(const Request& request) {
    const auto handle = find(request.handle);
    if (!handle || handle->directory)
        return answer(request.id, StatusCode::failure, "no such handle");
    const std::uint64_t length = std::min(request.length, max_data);
    auto& pending =
        begin(request.id, wire::FsRead{handle->number, request.offset, length}, {}, false);
    pending.handle = handle;
    handle->kind = Type::read;
    ++handle->outstanding;
    pending.done = [this, &pending](const wire::FsResponse&) {
        if (pending.data.empty())
            return answer(pending.id, StatusCode::end_of_file, "end of file");
        Reply(out_.tail(), Type::data, pending.id).bytes(pending.data);
    };
}

void Server::write(Request& request) {
    const auto handle = find(request.handle);
    if (!handle || handle->directory)
        return answer(request.id, StatusCode::failure, "no such handle");
    auto& pending = begin(
        request.id, wire::FsWrite{handle->number, request.offset, {}},
        [this, id = request.id](const wire::FsResponse&) { answer(id, StatusCode::ok, "ok"); },
        false);
    pending.data = std::move(request.data);
    pending.writes = true;
    pending.handle = handle;
    handle->kind = Type::write;
    ++handle->outstanding;
    (void)step(pending);
}

void Server::read_directory(const Request& request) {
    const auto handle = find(request.handle);
    if (!handle || !handle->directory)
        return answer(request.id, StatusCode::failure, "no such handle");
    begin(request.id, wire::FsReadDir{handle->number, names_at_once},
          [this, id = request.id](const wire::FsResponse& response) {
              const auto* entries = get<std::vector<wire::FsEntry>>(response);
              if (entries == nullptr || entries->empty())
                  return answer(id, StatusCode::end_of_file, "no more names");
              Reply reply(out_.tail(), Type::name, id);
              reply.number(static_cast<std::uint32_t>(entries->size()));
              for (const wire::FsEntry& entry : *entries)
                  reply.text(last_name(entry.path))
                      .text(long_name(entry))
                      .attributes(attributes_of(entry));
          });
}

void Server::stat(std::uint32_t id, wire::FsOp op) {
    begin(id, std::move(op), [this, id](const wire::FsResponse& response) {
        const auto* entry = get<wire::FsEntry>(response);
        if (entry == nullptr)
            return answer(id, StatusCode::failure, "the agent gave no attributes");
        Reply(out_.tail(), Type::attrs, id).attributes(attributes_of(*entry));
    });
}

void Server::set_attributes(const Request& request, bool follow) {
    simple(request.id,
           wire::FsSetStat{absolute(request.path), follow, to_wire(request.attributes)});
}

/// A name that is not there is what the caller wants here, so this is no operation as the others:
/// success of the agent is failure, and the other way round.
void Server::unless_exists(std::uint32_t id, const std::string& path, std::function<void()> then) {
    auto& pending = begin(id, wire::FsStat{path, false}, [this, id](const wire::FsResponse&) {
        answer(id, StatusCode::failure, "it exists already");
    });
    pending.if_missing = std::move(then);
}

void Server::make_directory(const Request& request) {
    const std::string path = absolute(request.path);
    wire::FsMkdir op{path, std::nullopt};
    if (request.attributes.permissions)
        op.mode = *request.attributes.permissions & mode_bits;
    unless_exists(request.id, path, [this, id = request.id, op] { simple(id, op); });
}

void Server::rename(const Request& request) {
    const wire::FsRename op{absolute(request.path), absolute(request.second)};
    unless_exists(request.id, op.dst, [this, id = request.id, op] { simple(id, op); });
}

void Server::real_path(const Request& request) {
    const std::string path = absolute(request.path);
    auto& pending = begin(request.id, wire::FsRealPath{path},
                          [this, id = request.id](const wire::FsResponse& response) {
                              const auto* real = get<std::string>(response);
                              if (real == nullptr)
                                  return answer(id, StatusCode::failure, "no path");
                              reply_name(out_.tail(), id, *real);
                          });
    // Programs ask for names of files that they are about to make.
    pending.if_missing = [this, id = request.id, path] {
        reply_name(out_.tail(), id, tidied(path));
    };
}

void Server::read_link(const Request& request) {
    begin(request.id, wire::FsReadLink{absolute(request.path)},
          [this, id = request.id](const wire::FsResponse& response) {
              const auto* target = get<std::string>(response);
              if (target == nullptr)
                  return answer(id, StatusCode::failure, "no target");
              reply_name(out_.tail(), id, *target);
          });
}

void Server::space(const Request& request) {
    begin(request.id, wire::FsStatFs{absolute(request.path)},
          [this, id = request.id](const wire::FsResponse& response) {
              const auto* space = get<wire::FsSpace>(response);
              if (space == nullptr || space->block_size == 0)
                  return answer(id, StatusCode::failure, "the agent gave no sizes");
              constexpr std::uint64_t read_only = 1;
              Reply(out_.tail(), Type::extended_reply, id)
                  .number64(space->block_size)
                  .number64(space->block_size)
                  .number64(space->total / space->block_size)
                  .number64(space->free / space->block_size)
                  .number64(space->available / space->block_size)
                  .number64(space->inodes)
                  .number64(space->inodes_free)
                  .number64(space->inodes_free)
                  .number64(0) // which file system
                  .number64(space->read_only ? read_only : 0)
                  .number64(space->name_max);
          });
}

void Server::limits(std::uint32_t id) {
    Reply(out_.tail(), Type::extended_reply, id)
        .number64(max_packet)
        .number64(max_data)
        .number64(max_data)
        .number64(max_handles);
}

} // namespace msb::sftp
