#include "client/files.hpp"

#include <algorithm>
#include <utility>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr auto tick_period = 50ms;
constexpr auto tidy_time = 2s; ///< for the guest to remove what an abandoned upload has begun
constexpr std::size_t copy_buffer = std::size_t{256} << 10;

} // namespace

Files::Files(EventLoop& loop, AgentClient& client, Tick tick)
    : loop_(loop), client_(client), tick_(std::move(tick)) {
    client_.on_closed([this](const Error& error) { lost_ = error; });
}

Files::~Files() {
    client_.on_closed({});
}

wire::FsRequest Files::request(wire::FsOp op) const {
    wire::FsRequest request{.op = std::move(op), .extended = true, .flow = true};
    if (!user_.empty())
        request.user = user_;
    return request;
}

template <typename Ready> Status Files::wait(FileOperation& operation, Ready ready) {
    while (!ready() && !operation.ended()) {
        if (lost_)
            operation.lose(*lost_);
        else
            MSB_TRY(loop_.run_once(tick_period));
        if (tick_)
            MSB_TRY(tick_());
    }
    return {};
}

Result<std::optional<wire::FsResponseData>> Files::call(wire::FsOp op) {
    FileOperation operation(client_, request(std::move(op)));
    MSB_TRY(wait(operation, [] { return false; }));
    return MSB_TRY(operation.result()).data;
}

template <typename T> Result<T> Files::answer(wire::FsOp op) {
    auto data = MSB_TRY(call(std::move(op)));
    if (!data || !std::holds_alternative<T>(*data))
        return fail(ErrorKind::protocol, "the agent's answer is of another kind");
    return std::get<T>(std::move(*data));
}

Result<wire::FsEntry> Files::stat(const std::string& path, bool follow) {
    return answer<wire::FsEntry>(wire::FsStat{path, follow});
}

Result<std::string> Files::real_path(const std::string& path) {
    return answer<std::string>(wire::FsRealPath{path});
}

Result<std::vector<wire::FsEntry>> Files::list(const std::string& path) {
    const auto handle = MSB_TRY(answer<std::uint64_t>(wire::FsOpenDir{path}));
    std::vector<wire::FsEntry> entries;
    for (;;) {
        auto page = answer<std::vector<wire::FsEntry>>(wire::FsReadDir{handle, 1024});
        if (!page || page->empty()) {
            const Status closed = close(handle);
            if (!page)
                return fail(std::move(page).error());
            MSB_TRY(Status(closed));
            return entries;
        }
        std::ranges::move(*page, std::back_inserter(entries));
    }
}

Status Files::make_directory(const std::string& path, std::optional<std::uint32_t> mode) {
    MSB_TRY(call(wire::FsMkdir{path, mode}));
    return {};
}

Status Files::remove(const std::string& path) {
    MSB_TRY(call(wire::FsRemove{path}));
    return {};
}

Status Files::remove_directory(const std::string& path, bool recursive) {
    MSB_TRY(call(wire::FsRemoveDir{path, recursive}));
    return {};
}

Status Files::rename(const std::string& from, const std::string& to) {
    MSB_TRY(call(wire::FsRename{from, to}));
    return {};
}

Result<std::uint64_t> Files::open(const std::string& path, const wire::FsOpenOptions& options) {
    return answer<std::uint64_t>(wire::FsOpenFile{path, options});
}

Status Files::close(std::uint64_t handle) {
    MSB_TRY(call(wire::FsCloseHandle{handle}));
    return {};
}

Status Files::sync(std::uint64_t handle) {
    MSB_TRY(call(wire::FsFSync{handle}));
    return {};
}

Status Files::read_file(const std::string& path, Sink& to) {
    const std::uint64_t handle = MSB_TRY(open(path, {.read = true}));
    const Status copied = [&]() -> Status {
        const auto download = read({handle, 0, {}});
        Bytes buffer(copy_buffer);
        while (const std::size_t count = MSB_TRY(download->read(buffer)))
            MSB_TRY(to.write(BytesView(buffer).first(count)));
        return {};
    }();
    const Status closed = close(handle);
    MSB_TRY(Status(copied));
    return closed;
}

Status Files::write_file(const std::string& path, Source& from, std::uint32_t mode) {
    const std::uint64_t handle =
        MSB_TRY(open(path, {.write = true, .create = true, .truncate = true, .mode = mode}));
    const Status copied = [&]() -> Status {
        const auto upload = write({handle, 0, {}});
        Bytes buffer(copy_buffer);
        while (const std::size_t count = MSB_TRY(from.read(buffer)))
            MSB_TRY(upload->write(BytesView(buffer).first(count)));
        return upload->finish();
    }();
    const Status closed = close(handle);
    MSB_TRY(Status(copied));
    return closed;
}

std::unique_ptr<Files::Download> Files::read(const wire::FsRead& op) {
    return std::unique_ptr<Download>(new Download(*this, request(op)));
}
std::unique_ptr<Files::Upload> Files::write(const wire::FsWrite& op) {
    return std::unique_ptr<Upload>(new Upload(*this, request(op)));
}
std::unique_ptr<Files::Download> Files::read_tree(const wire::FsReadTree& op) {
    return std::unique_ptr<Download>(new Download(*this, request(op)));
}
std::unique_ptr<Files::Upload> Files::write_tree(const wire::FsWriteTree& op) {
    return std::unique_ptr<Upload>(new Upload(*this, request(op)));
}

std::unique_ptr<Files::Pending> Files::begin_close(std::uint64_t handle) {
    return std::unique_ptr<Pending>(new Pending(*this, request(wire::FsCloseHandle{handle})));
}

Files::Pending::Pending(Files& files, const wire::FsRequest& request)
    : files_(files), operation_(files.client_, request) {}

Status Files::Pending::wait() {
    MSB_TRY(files_.wait(operation_, [] { return false; }));
    MSB_TRY(operation_.result());
    return {};
}

Files::Download::Download(Files& files, const wire::FsRequest& request)
    : files_(files), operation_(files.client_, request) {}

Result<std::size_t> Files::Download::read(MutableBytesView buffer) {
    MSB_TRY(files_.wait(operation_, [this] { return !operation_.received().empty(); }));
    const BytesView data = operation_.received();
    if (data.empty()) {
        MSB_TRY(operation_.result());
        return 0;
    }
    const std::size_t count = std::min(data.size(), buffer.size());
    std::copy_n(data.begin(), count, buffer.begin());
    operation_.take(count);
    return count;
}

Files::Upload::Upload(Files& files, const wire::FsRequest& request)
    : files_(files), operation_(files.client_, request) {}

Status Files::Upload::write(BytesView data) {
    while (!data.empty()) {
        MSB_TRY(files_.wait(operation_, [this] { return operation_.room() > 0; }));
        if (operation_.ended()) {
            MSB_TRY(operation_.result());
            return fail(ErrorKind::protocol, "the agent ended the upload before its data did");
        }
        operation_.send(data);
    }
    return {};
}

Status Files::Upload::finish() {
    if (!std::exchange(data_ended_, true))
        operation_.end_data();
    MSB_TRY(files_.wait(operation_, [] { return false; }));
    MSB_TRY(operation_.result());
    return {};
}

void Files::Upload::abandon() {
    operation_.cancel();
    const auto deadline = EventLoop::Clock::now() + tidy_time;
    while (!operation_.ended() && !files_.lost_ && EventLoop::Clock::now() < deadline)
        if (!files_.loop_.run_once(tick_period))
            return;
}

} // namespace msb
