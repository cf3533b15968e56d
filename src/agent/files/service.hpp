// The file operations of one client: their order, their data, their end.
#pragma once

#include "agent/core/channel.hpp"
#include "agent/core/services.hpp"
#include "agent/files/ops.hpp"
#include "wire/flow.hpp"

#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>

namespace msb::agent {

class FileService {
  public:
    FileService(Services& services, Channel& channel);
    /// Cancels everything; open handles are closed on another thread.
    ~FileService();
    FileService(const FileService&) = delete;
    FileService& operator=(const FileService&) = delete;

    bool has(std::uint32_t id) const { return tasks_.contains(id); }
    void start(std::uint32_t id, wire::FsRequest request);
    /// core.fs.data; empty is the end.
    void data(std::uint32_t id, BytesView bytes);
    void cancel(std::uint32_t id);

    /// The client takes output again.
    void resume_output();
    /// The client sends faster than we can take it: stop reading from it.
    bool input_over_bound() const;
    std::uint32_t stream_count() const { return streams_; }

    static constexpr std::size_t max_streams = 64;
    static constexpr std::size_t max_pending = 1024;

  private:
    /// One operation. Its thread shares ownership, so it may outlive this object.
    struct Task {
        std::uint32_t id = 0;
        wire::FsRequest request;
        std::string user;
        std::shared_ptr<HandleTable> handles;
        Cancellation cancellation;
        std::unique_ptr<StreamQueue> data;
        wire::ReceiveWindow window{false};        ///< of an upload
        std::optional<wire::FsResponse> response; ///< to follow the data that is left
        bool started = false;
        int interruptions = 0;
    };
    using TaskPtr = std::shared_ptr<Task>;

    void advance();
    void launch(const TaskPtr& task);
    void pump(const TaskPtr& task);
    void finished(const TaskPtr& task, wire::FsResponse response);
    /// Sends the answer, and forgets the task.
    void answer(const TaskPtr& task, const wire::FsResponse& response);
    void interrupt_again(const TaskPtr& task);
    /// Calls a member on the loop, if this object still lives then.
    template <typename Call> std::function<void()> on_loop(const Call& call);
    void dispose(std::shared_ptr<void> garbage);

    Services& services_;
    Channel& channel_;
    std::shared_ptr<HandleTable> handles_ = std::make_shared<HandleTable>();
    std::unordered_map<std::uint32_t, TaskPtr> tasks_;
    std::deque<TaskPtr> pending_;               ///< not started, in order
    TaskPtr running_;                           ///< the one that is not a stream
    std::unordered_set<std::uint32_t> ignored_; ///< ended before their data did
    std::uint32_t streams_ = 0;
    bool advancing_ = false;
    std::shared_ptr<FileService*> self_; ///< expires with this object
};

} // namespace msb::agent
