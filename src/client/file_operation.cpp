#include "client/file_operation.hpp"

#include <algorithm>
#include <cstring>

namespace msb {

namespace {

constexpr std::size_t chunk = std::size_t{256} << 10;
constexpr std::size_t pause_above = std::size_t{4} << 20;
constexpr std::size_t resume_below = std::size_t{1} << 20;

ErrorKind kind_of(const std::optional<std::string>& name) {
    for (int i = 0; name && i <= static_cast<int>(ErrorKind::system); ++i)
        if (to_string(static_cast<ErrorKind>(i)) == *name)
            return static_cast<ErrorKind>(i);
    return ErrorKind::system;
}

} // namespace

Error fs_error(const wire::FsResponse& response) {
    const ErrorKind kind = kind_of(response.kind);
    std::string text = response.error.value_or("the agent gave no reason");
    if (!response.sys_errno)
        return {kind, std::move(text)};
    // Made from errno, so that callers can branch on it; the agent's text already ends with its
    // description.
    const std::string reason = std::string(": ") + std::strerror(*response.sys_errno);
    if (text.ends_with(reason))
        text.resize(text.size() - reason.size());
    return Error::from_errno(*response.sys_errno, text).with_kind(kind);
}

FileOperation::FileOperation(AgentClient& client, const wire::FsRequest& request)
    : client_(client),
      id_(client.open_id(
          [this](const wire::Frame&, const wire::Envelope& envelope) { handle(envelope); })),
      window_(request.flow) {
    client_.send(id_, request);
}

FileOperation::~FileOperation() {
    if (paused_)
        client_.pause_reading(false);
    if (!ended())
        client_.send(id_, wire::FsCancel{});
    client_.release(id_);
}

BytesView FileOperation::received() const {
    return chunks_.empty() ? BytesView() : BytesView(chunks_.front()).subspan(begin_);
}

void FileOperation::take(std::size_t size) {
    begin_ += size;
    queued_ -= size;
    if (begin_ == chunks_.front().size()) {
        chunks_.pop_front();
        begin_ = 0;
    }
    update_reading();
}

void FileOperation::update_reading() {
    const bool pause = paused_ ? queued_ > resume_below : queued_ > pause_above;
    if (std::exchange(paused_, pause) != pause)
        client_.pause_reading(pause);
}

std::size_t FileOperation::room() const {
    if (client_.queued() > AgentClient::high_water)
        return 0;
    return static_cast<std::size_t>(std::min<std::uint64_t>(window_.available(), chunk));
}

void FileOperation::send(BytesView& data) {
    const BytesView part = data.first(std::min(data.size(), room()));
    if (part.empty())
        return; // an empty frame would be the end
    client_.send(id_, wire::FsData{part});
    window_.sent(part.size());
    data = data.subspan(part.size());
}

void FileOperation::cancel() {
    if (!ended())
        client_.send(id_, wire::FsCancel{});
    chunks_.clear();
    begin_ = queued_ = 0;
    update_reading();
}

Result<wire::FsResponse> FileOperation::result() const {
    if (failure_)
        return fail(*failure_);
    if (!response_->ok)
        return fail(fs_error(*response_));
    return *response_;
}

void FileOperation::lose(const Error& error) {
    if (!ended())
        failure_ = error;
}

void FileOperation::handle(const wire::Envelope& envelope) {
    if (ended())
        return;
    if (envelope.type == wire::FsData::type) {
        const auto message = wire::FsData::decode(envelope.payload);
        if (!message)
            return lose(message.error());
        if (message->data.empty())
            return;
        // Small frames share a chunk, so that the bound holds for what is really used.
        if (chunks_.empty() || chunks_.back().size() >= chunk / 4)
            chunks_.emplace_back();
        chunks_.back().insert(chunks_.back().end(), message->data.begin(), message->data.end());
        queued_ += message->data.size();
        update_reading();
    } else if (envelope.type == wire::FlowWindow::type) {
        const auto message = wire::FlowWindow::decode(envelope.payload);
        if (!message)
            return lose(message.error());
        window_.grant(message->bytes);
    } else if (envelope.type == wire::FsResponse::type) {
        auto message = wire::FsResponse::decode(envelope.payload);
        if (!message)
            return lose(message.error());
        response_ = std::move(*message);
    } else if (envelope.type == wire::CoreError::type) {
        const auto message = wire::CoreError::decode(envelope.payload);
        lose(Error(message && message->kind == wire::CoreErrorKind::invalid_payload
                       ? ErrorKind::unsupported
                       : ErrorKind::protocol,
                   "the agent refused the request: " +
                       (message ? message->message : message.error().to_string())));
    }
}

} // namespace msb
