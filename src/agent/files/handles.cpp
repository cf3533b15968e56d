#include "agent/files/handles.hpp"

#include <cerrno>

namespace msb::agent {

namespace {

std::unexpected<Error> unknown(std::uint64_t number) {
    return fail(
        Error::from_errno(EBADF, "handle " + std::to_string(number) + " of this connection"));
}

} // namespace

Result<std::uint64_t> HandleTable::add(std::shared_ptr<OpenHandle> handle) {
    const std::lock_guard lock(mutex_);
    if (closed_)
        return fail(ErrorKind::cancelled, "the client has gone");
    if (handles_.size() >= max_handles)
        return fail(Error::from_errno(EMFILE, "1024 handles are open on this connection")
                        .with_kind(ErrorKind::limit_exceeded));
    handles_.emplace(++last_, std::move(handle));
    return last_;
}

Result<std::shared_ptr<OpenHandle>> HandleTable::find(std::uint64_t number) const {
    const std::lock_guard lock(mutex_);
    const auto found = handles_.find(number);
    if (found == handles_.end())
        return unknown(number);
    return found->second;
}

Result<std::shared_ptr<OpenHandle>> HandleTable::remove(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    auto found = handles_.extract(number);
    if (found.empty())
        return unknown(number);
    return std::move(found.mapped());
}

std::unordered_map<std::uint64_t, std::shared_ptr<OpenHandle>> HandleTable::close_all() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    return std::exchange(handles_, {});
}

} // namespace msb::agent
