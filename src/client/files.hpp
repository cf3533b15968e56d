// Files of a sandbox, as calls that wait for their answer.
//
// Each call runs the connection's loop until it is done; other sessions of that loop go on
// meanwhile. For operations side by side, or without waiting, see file_operation.hpp.
#pragma once

#include "client/file_operation.hpp"
#include "tar/source.hpp"

namespace msb {

class Files {
  public:
    /// Called every few milliseconds while a call waits; an error cancels the operation and is what
    /// the call returns.
    using Tick = std::function<Status()>;

    Files(EventLoop& loop, AgentClient& client, Tick tick = {});
    ~Files();
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;

    /// USER[:GROUP] to act as; empty = root.
    void act_as(std::string user) { user_ = std::move(user); }

    /// Any operation that does not stream. Entries in answers are extended.
    Result<std::optional<wire::FsResponseData>> call(wire::FsOp op);

    Result<wire::FsEntry> stat(const std::string& path, bool follow = true);
    Result<std::string> real_path(const std::string& path);
    Result<std::vector<wire::FsEntry>> list(const std::string& path); ///< of any size
    Status make_directory(const std::string& path, std::optional<std::uint32_t> mode = {});
    Status remove(const std::string& path);
    Status remove_directory(const std::string& path, bool recursive);
    Status rename(const std::string& from, const std::string& to);
    Result<std::uint64_t> open(const std::string& path, const wire::FsOpenOptions& options);
    Status close(std::uint64_t handle);
    Status sync(std::uint64_t handle);

    /// Whole contents, in either direction.
    Status read_file(const std::string& path, Sink& to);
    Status write_file(const std::string& path, Source& from, std::uint32_t mode = 0644);

    /// An operation that was sent. A wait for it that was cancelled can be taken up again.
    class Pending {
      public:
        Status wait();

      private:
        friend class Files;
        Pending(Files& files, const wire::FsRequest& request);
        Files& files_;
        FileOperation operation_;
    };
    std::unique_ptr<Pending> begin_close(std::uint64_t handle);

    /// An operation's data as a stream, at the pace of whoever uses it.
    class Download : public Source {
      public:
        /// 0 = the operation has ended well.
        Result<std::size_t> read(MutableBytesView buffer) override;

      private:
        friend class Files;
        Download(Files& files, const wire::FsRequest& request);
        Files& files_;
        FileOperation operation_;
    };
    class Upload : public Sink {
      public:
        /// Sends a piece. Fails as soon as the operation has failed.
        Status write(BytesView data) override;
        /// Ends the data and waits for the answer. May be called again if the wait was cancelled.
        Status finish();
        bool data_ended() const { return data_ended_; }
        /// Gives the operation up, and waits (bounded) until the guest has tidied up.
        void abandon();

      private:
        friend class Files;
        Upload(Files& files, const wire::FsRequest& request);
        Files& files_;
        FileOperation operation_;
        bool data_ended_ = false;
    };
    std::unique_ptr<Download> read(const wire::FsRead& op);
    std::unique_ptr<Upload> write(const wire::FsWrite& op);
    /// Pax archives; see wire/fs_messages.hpp.
    std::unique_ptr<Download> read_tree(const wire::FsReadTree& op);
    std::unique_ptr<Upload> write_tree(const wire::FsWriteTree& op);

  private:
    wire::FsRequest request(wire::FsOp op) const;
    template <typename T> Result<T> answer(wire::FsOp op);
    /// Runs the loop until `ready`, the operation's end, or an error of the tick.
    template <typename Ready> Status wait(FileOperation& operation, Ready ready);

    EventLoop& loop_;
    AgentClient& client_;
    Tick tick_;
    std::string user_;
    std::optional<Error> lost_;
};

} // namespace msb
