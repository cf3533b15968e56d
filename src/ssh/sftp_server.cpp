#include "ssh/sftp_server.hpp"

#include <cerrno>

namespace msb::sftp {

namespace {

/// Answers that the client has not taken; above, nothing more is begun for it.
constexpr std::size_t most_unread = std::size_t{1} << 20;
constexpr std::size_t most_input = 4 + max_packet;

StatusCode code_of(const Error& error) {
    switch (error.sys_errno()) {
    case ENOENT:
    case ENOTDIR: return StatusCode::no_such_file;
    case EACCES:
    case EPERM: return StatusCode::permission_denied;
    default: break;
    }
    switch (error.kind()) {
    case ErrorKind::not_found: return StatusCode::no_such_file;
    case ErrorKind::permission_denied: return StatusCode::permission_denied;
    case ErrorKind::unsupported: return StatusCode::unsupported;
    default: return StatusCode::failure;
    }
}

} // namespace

std::size_t Server::room() const {
    return in_.size() < most_input ? most_input - in_.size() : 0;
}

bool Server::advance() {
    // In the order in which they were asked for: OpenSSH's scp cuts a file off where answers to its
    // writes overtake each other.
    bool in_order = true;
    for (auto pending = pending_.begin(); pending != pending_.end();) {
        in_order = step(*pending) && in_order;
        if (in_order) {
            finish(*pending); // may begin another one, at the end of the list
            pending = pending_.erase(pending);
        } else {
            ++pending;
        }
    }
    while (pending_.size() < max_pending && out_.size() < most_unread) {
        const std::size_t before = in_.size();
        const bool waited = next_.has_value();
        if (!start_next())
            return false;
        if (next_ || (in_.size() == before && !waited))
            break;
    }
    return true;
}

/// Begins one request, or notes that it has to wait.
bool Server::start_next() {
    if (!next_) {
        BytesView data = in_.view();
        const std::size_t before = data.size();
        const auto packet = take_packet(data);
        if (!packet)
            return false;
        if (!*packet)
            return true;
        auto request = parse_request(**packet);
        const std::uint32_t id = id_of(**packet);
        in_.consume(before - data.size());
        if (!request) {
            answer(id, StatusCode::bad_message, request.error().to_string());
            return true;
        }
        if ((request->type == Type::init) == greeted_)
            return false; // not first, or twice
        greeted_ = true;
        next_ = std::move(*request);
    }
    if (has_to_wait(*next_))
        return true;
    Request request = std::move(*next_);
    next_.reset();
    handle_request(std::move(request));
    return true;
}

/// What concerns the same file happens in the order in which it was asked for; only reads, and
/// writes at given places, are done beside each other.
bool Server::has_to_wait(const Request& request) {
    const auto handle = find(request.handle);
    if (!handle || handle->outstanding == 0)
        return false;
    return request.type != handle->kind || handle->append;
}

bool Server::step(Pending& pending) {
    FileOperation& operation = *pending.operation;
    if (pending.writes && !pending.data_ended && !operation.ended()) {
        BytesView rest = BytesView(pending.data).subspan(pending.sent);
        operation.send(rest);
        pending.sent = pending.data.size() - rest.size();
        if (rest.empty()) {
            operation.end_data();
            pending.data_ended = true;
        }
    }
    while (!operation.received().empty()) {
        const BytesView part = operation.received();
        // The agent sends no more than was asked for; one that does is not to fill our memory.
        const std::size_t room = max_data - std::min<std::size_t>(pending.data.size(), max_data);
        const BytesView taken = part.first(std::min(part.size(), room));
        pending.data.insert(pending.data.end(), taken.begin(), taken.end());
        operation.take(part.size());
    }
    return operation.ended();
}

void Server::finish(Pending& pending) {
    if (pending.handle)
        --pending.handle->outstanding;
    const auto result = pending.operation->result();
    if (result)
        pending.done(*result);
    else if (pending.if_missing && code_of(result.error()) == StatusCode::no_such_file)
        pending.if_missing();
    else
        answer_error(pending.id, result.error());
}

Server::Pending& Server::begin(std::uint32_t id, wire::FsOp op, Done done, bool as_user) {
    wire::FsRequest request{.op = std::move(op), .extended = true, .flow = true};
    if (as_user && !place_.user.empty())
        request.user = place_.user;
    return pending_.emplace_back(
        Pending{.id = id,
                .operation = std::make_unique<FileOperation>(client_, request),
                .done = std::move(done)});
}

std::shared_ptr<Server::Handle> Server::find(const std::string& handle) {
    if (handle.size() != sizeof(std::uint32_t))
        return nullptr;
    const auto found = handles_.find(load_be<std::uint32_t>(as_bytes(handle)));
    return found == handles_.end() ? nullptr : found->second;
}

std::string Server::add(std::shared_ptr<Handle> handle) {
    while (handles_.contains(next_handle_))
        ++next_handle_;
    Bytes name(sizeof(next_handle_));
    store_be(MutableBytesView(name), next_handle_);
    handles_.emplace(next_handle_++, std::move(handle));
    return std::string(as_text(name));
}

std::string Server::absolute(const std::string& path) const {
    if (path.starts_with('/'))
        return path;
    const std::string directory =
        place_.directory.ends_with('/') ? place_.directory : place_.directory + "/";
    return path.empty() ? directory : directory + path;
}

void Server::answer(std::uint32_t id, StatusCode code, std::string_view message) {
    reply_status(out_.tail(), id, code, message);
}

void Server::answer_error(std::uint32_t id, const Error& error) {
    answer(id, code_of(error), error.to_string());
}

void Server::simple(std::uint32_t id, wire::FsOp op) {
    begin(id, std::move(op),
          [this, id](const wire::FsResponse&) { answer(id, StatusCode::ok, "ok"); });
}

} // namespace msb::sftp
