#include "api/files.hpp"

#include "base/system.hpp"

#include <fcntl.h>

namespace msb::api {

namespace {

constexpr std::size_t stream_piece = std::size_t{1} << 20;

Status check(const Cancel* cancel) {
    if (cancel != nullptr && cancel->triggered())
        return msb::fail(ErrorKind::cancelled, "cancelled");
    return {};
}

template <typename T> Outcome<T> about_file(Result<T> result) {
    if (!result)
        return fail(file_failure(std::move(result).error()));
    if constexpr (std::is_void_v<T>)
        return {};
    else
        return std::move(*result);
}

/// An error of the guest leaves the connection as good as it was.
bool is_answer(ErrorKind kind) {
    return kind != ErrorKind::cancelled && kind != ErrorKind::unreachable &&
           kind != ErrorKind::protocol;
}

/// Keeps what it gets, up to a bound.
class Memory : public Sink {
  public:
    explicit Memory(std::size_t most) : most_(most) {}
    Status write(BytesView data) override {
        if (data.size() > most_ - bytes.size())
            return msb::fail(ErrorKind::limit_exceeded,
                             "the file has more than " + std::to_string(most_) + " bytes");
        bytes.insert(bytes.end(), data.begin(), data.end());
        return {};
    }
    Bytes bytes;

  private:
    std::size_t most_;
};

class View : public Source {
  public:
    explicit View(BytesView data) : data_(data) {}
    Result<std::size_t> read(MutableBytesView buffer) override {
        const std::size_t count = std::min(data_.size(), buffer.size());
        std::copy_n(data_.begin(), count, buffer.begin());
        data_ = data_.subspan(count);
        return count;
    }

  private:
    BytesView data_;
};

class HostFile : public Source, public Sink {
  public:
    explicit HostFile(OwnedFd fd) : fd_(std::move(fd)) {}
    Result<std::size_t> read(MutableBytesView buffer) override {
        return sys::read(fd_.get(), buffer);
    }
    Status write(BytesView data) override { return sys::write_all(fd_.get(), data); }

  private:
    OwnedFd fd_;
};

} // namespace

Failure file_failure(Error error) {
    const ErrorKind kind = error.kind();
    Failure failure(std::move(error));
    if (kind == ErrorKind::not_found)
        failure.kind = FailureKind::path_not_found;
    else if (kind == ErrorKind::unreachable)
        failure.kind = FailureKind::session_lost;
    else if (kind != ErrorKind::cancelled && kind != ErrorKind::limit_exceeded &&
             kind != ErrorKind::no_space && kind != ErrorKind::unsupported &&
             kind != ErrorKind::protocol)
        failure.kind = FailureKind::filesystem;
    return failure;
}

template <typename Body> auto FileSystem::with_files(Cancel* cancel, Body body) {
    using Value = typename std::invoke_result_t<Body, Files&>::value_type;
    return [&]() -> Outcome<Value> {
        auto connection = MSB_TRY(pool_->take(cancel));
        auto result = [&] {
            Files files(*connection.loop, *connection.client, [cancel] { return check(cancel); });
            files.act_as(options_.user);
            return body(files);
        }();
        if (result || is_answer(result.error().kind()))
            pool_->put_back(std::move(connection));
        return about_file(std::move(result));
    }();
}

Outcome<Bytes> FileSystem::read(const std::string& path, std::size_t most, Cancel* cancel) {
    return with_files(cancel, [&](Files& files) -> Result<Bytes> {
        Memory memory(most);
        MSB_TRY(files.read_file(path, memory));
        return std::move(memory.bytes);
    });
}

Outcome<void> FileSystem::write(const std::string& path, BytesView data, std::uint32_t mode,
                                Cancel* cancel) {
    return with_files(cancel, [&](Files& files) -> Status {
        View view(data);
        return files.write_file(path, view, mode);
    });
}

Outcome<wire::FsEntry> FileSystem::stat(const std::string& path, bool follow, Cancel* cancel) {
    return with_files(cancel, [&](Files& files) { return files.stat(path, follow); });
}

Outcome<std::vector<wire::FsEntry>> FileSystem::list(const std::string& path, Cancel* cancel) {
    return with_files(cancel, [&](Files& files) { return files.list(path); });
}

Outcome<std::string> FileSystem::path_by(wire::FsOp op, Cancel* cancel) {
    return with_files(cancel, [&](Files& files) -> Result<std::string> {
        const auto answer = MSB_TRY(files.call(std::move(op)));
        const auto* path = answer ? std::get_if<std::string>(&*answer) : nullptr;
        if (path == nullptr)
            return msb::fail(ErrorKind::protocol, "the agent gave no path");
        return *path;
    });
}

Outcome<void> FileSystem::perform(wire::FsOp op, Cancel* cancel) {
    return with_files(cancel, [&](Files& files) -> Status {
        MSB_TRY(files.call(std::move(op)));
        return {};
    });
}

Outcome<void> FileSystem::copy_from_host(const std::string& host, const std::string& guest,
                                         Cancel* cancel) {
    OwnedFd fd = MSB_TRY(sys::open(host, O_RDONLY));
    const struct stat info = MSB_TRY(sys::fstat(fd.get()));
    if (S_ISDIR(info.st_mode))
        return fail(FailureKind::invalid_argument, "'" + host + "' is a directory");
    return with_files(cancel, [&](Files& files) -> Status {
        HostFile file(std::move(fd));
        return files.write_file(guest, file, info.st_mode & 0777);
    });
}

Outcome<void> FileSystem::copy_to_host(const std::string& guest, const std::string& host,
                                       Cancel* cancel) {
    // Check the guest's path first, so that a mistake in it leaves no empty file here.
    const wire::FsEntry entry = MSB_TRY(stat(guest, true, cancel));
    if (entry.kind != wire::FsEntryKind::file)
        return fail(FailureKind::filesystem, "'" + guest + "' is not a file");
    OwnedFd fd = MSB_TRY(sys::open(host, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    return with_files(cancel, [&](Files& files) -> Status {
        HostFile file(std::move(fd));
        return files.read_file(guest, file);
    });
}

FileStream::FileStream(std::shared_ptr<ConnectionPool> pool, Connection connection)
    : pool_(std::move(pool)), connection_(std::move(connection)) {
    files_.emplace(*connection_.loop, *connection_.client, [this] { return tick(); });
}

FileStream::~FileStream() {
    cancel_ = nullptr;
    if (upload_ && !done_)
        upload_->abandon();
    download_.reset();
    upload_.reset();
    closing_.reset();
    files_.reset();
    if (done_)
        pool_->put_back(std::move(connection_));
}

Status FileStream::tick() const {
    if (closed_)
        return msb::fail(ErrorKind::cancelled, "the stream was closed");
    return check(cancel_);
}

template <typename Body> auto FileStream::in_turn(Cancel* cancel, Body body) {
    using Value = typename std::invoke_result_t<Body>::value_type;
    return [&]() -> Outcome<Value> {
        const std::lock_guard lock(mutex_);
        cancel_ = cancel;
        auto result = body();
        cancel_ = nullptr;
        return about_file(std::move(result));
    }();
}

Outcome<std::shared_ptr<FileStream>> FileStream::open_read(std::shared_ptr<ConnectionPool> pool,
                                                           const std::string& path,
                                                           const FileOptions& options,
                                                           Cancel* cancel) {
    auto connection = MSB_TRY(pool->take(cancel));
    std::shared_ptr<FileStream> stream(new FileStream(std::move(pool), std::move(connection)));
    MSB_TRY(stream->in_turn(cancel, [&]() -> Status {
        stream->files_->act_as(options.user);
        stream->handle_ = MSB_TRY(stream->files_->open(path, {.read = true}));
        stream->download_ = stream->files_->read({stream->handle_, 0, {}});
        return {};
    }));
    return stream;
}

Outcome<std::shared_ptr<FileStream>>
FileStream::open_write(std::shared_ptr<ConnectionPool> pool, const std::string& path,
                       std::uint32_t mode, const FileOptions& options, Cancel* cancel) {
    auto connection = MSB_TRY(pool->take(cancel));
    std::shared_ptr<FileStream> stream(new FileStream(std::move(pool), std::move(connection)));
    MSB_TRY(stream->in_turn(cancel, [&]() -> Status {
        stream->files_->act_as(options.user);
        stream->handle_ = MSB_TRY(stream->files_->open(
            path, {.write = true, .create = true, .truncate = true, .mode = mode}));
        stream->upload_ = stream->files_->write({stream->handle_, 0, {}});
        return {};
    }));
    return stream;
}

Outcome<Bytes> FileStream::read(Cancel* cancel) {
    return in_turn(cancel, [&]() -> Result<Bytes> {
        if (finished_)
            return Bytes();
        if (!download_)
            return msb::fail(ErrorKind::unsupported, "this stream is for writing");
        Bytes piece(stream_piece);
        piece.resize(MSB_TRY(download_->read(piece)));
        if (piece.empty()) {
            // All data has arrived, so a failure to close the guest's handle is no error; but only
            // a connection on which it was closed is used again.
            finished_ = true;
            download_.reset();
            done_ = files_->close(handle_).has_value();
        }
        return piece;
    });
}

Outcome<void> FileStream::write(BytesView data, Cancel* cancel) {
    return in_turn(cancel, [&]() -> Status {
        if (!upload_ || upload_->data_ended())
            return msb::fail(ErrorKind::unsupported, "this stream is not for writing, or ended");
        return upload_->write(data);
    });
}

Status FileStream::complete() {
    if (upload_) {
        MSB_TRY(upload_->finish());
        upload_.reset();
        closing_ = files_->begin_close(handle_);
    }
    return closing_->wait();
}

Outcome<void> FileStream::finish(Cancel* cancel) {
    return in_turn(cancel, [&]() -> Status {
        if (finished_)
            return {};
        if (failed_)
            return msb::fail(*failed_);
        if (!upload_ && !closing_)
            return msb::fail(ErrorKind::unsupported, "this stream is not for writing");
        Status completed = complete();
        if (completed) {
            done_ = finished_ = true;
        } else if (tick()) { // else the call was cancelled: another one may go on
            failed_ = completed.error();
            upload_.reset();
        }
        return completed;
    });
}

} // namespace msb::api
