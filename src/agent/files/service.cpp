// Theory of operation
//
// Requests are queued per client and run in their order, each on a thread of the pool: the next one
// starts when the one before is done, so a client that sends "make the directory" and "write into
// it" without waiting gets what it expects. Streams are started in that order, too, and then run
// beside everything else. The loop's part is to move frames: data of uploads into the stream's
// queue, data of downloads out of it while the client takes output, answers to the client.
//
// A thread may be stuck in the kernel for as long as a file system likes. It then holds up its own
// client's queue, no other; the client can cancel the operation, or leave. In both cases the thread
// is interrupted, and if that does not help, left alone: it shares ownership of its Task and of the
// handles, but uses nothing that belongs to the loop, and its late answer is dropped.

#include "agent/files/service.hpp"

#include <algorithm>
#include <cerrno>

namespace msb::agent {

namespace {

constexpr auto interrupt_period = std::chrono::milliseconds(50);
constexpr int max_interruptions = 20; ///< then the client has its answer, whatever the thread does
constexpr std::size_t max_ignored = 4096;

} // namespace

FileService::FileService(Services& services, Channel& channel)
    : services_(services), channel_(channel), self_(std::make_shared<FileService*>(this)) {}

FileService::~FileService() {
    for (const auto& [id, task] : tasks_) {
        task->cancellation.cancel();
        if (task->data)
            task->data->close();
    }
    auto handles = std::make_shared<decltype(handles_->close_all())>(handles_->close_all());
    if (!handles->empty())
        dispose(std::move(handles));
}

void FileService::dispose(std::shared_ptr<void> garbage) {
    services_.file_threads->run_eventually(
        [garbage = std::move(garbage)]() mutable { garbage.reset(); });
}

template <typename Call> std::function<void()> FileService::on_loop(const Call& call) {
    return [mailbox = services_.mailbox, self = std::weak_ptr(self_), call] {
        mailbox->post([self, call] {
            if (const auto service = self.lock())
                call(**service);
        });
    };
}

void FileService::start(std::uint32_t id, wire::FsRequest request) {
    auto task = std::make_shared<Task>();
    task->id = id;
    task->user = request.user ? *request.user : "";
    if (request.user && request.user->empty())
        task->user = services_.config.user;
    task->request = std::move(request);
    task->handles = handles_;
    const wire::FsOp& op = task->request.op;
    const auto refuse = [&](const Error& error) {
        if (is_upload(op) && ignored_.size() < max_ignored)
            ignored_.insert(id);
        channel_.send(id, failed_response(op, error));
    };
    if (services_.stopping)
        return refuse(Error::from_errno(ESHUTDOWN, "the sandbox is stopping"));
    if (is_stream(op) && streams_ >= max_streams)
        return refuse(Error::from_errno(EAGAIN, "64 streams are open on this connection")
                          .with_kind(ErrorKind::limit_exceeded));
    if (is_stream(op)) {
        const std::weak_ptr weak = task;
        task->data = std::make_unique<StreamQueue>(on_loop([weak](FileService& service) {
            if (const auto woken = weak.lock())
                service.pump(woken);
        }));
        ++streams_;
    }
    ignored_.erase(id);
    if (is_upload(op)) {
        task->window = wire::ReceiveWindow(task->request.flow);
        if (const auto bytes = task->window.first_grant(); bytes > 0)
            channel_.send(id, wire::FlowWindow{bytes});
    }
    tasks_.emplace(id, task);
    pending_.push_back(std::move(task));
    advance();
}

void FileService::advance() {
    if (std::exchange(advancing_, true)) // from an answer below
        return;
    while (!running_ && !pending_.empty()) {
        const TaskPtr task = std::move(pending_.front());
        pending_.pop_front();
        launch(task);
    }
    advancing_ = false;
    if (pending_.size() + 1 == max_pending)
        channel_.input_bound_changed();
}

void FileService::launch(const TaskPtr& task) {
    task->started = true;
    if (!task->data)
        running_ = task;
    // Runs on the thread. The pointer is weak, so the service may be destroyed first.
    const auto report = std::make_shared<std::optional<wire::FsResponse>>();
    const auto finish = on_loop(
        [task, report](FileService& service) { service.finished(task, std::move(**report)); });
    const bool switch_user = services_.config.switch_user;
    const Status given = services_.file_threads->run([task, report, finish, switch_user] {
        const FileWork work{task->request,  task->user,         switch_user,
                            *task->handles, task->cancellation, task->data.get()};
        *report = perform(work);
        finish();
    });
    if (!given)
        finished(task, failed_response(task->request.op, given.error()));
}

void FileService::data(std::uint32_t id, BytesView bytes) {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) {
        const bool known = ignored_.contains(id);
        if (known && bytes.empty())
            ignored_.erase(id);
        if (!known)
            channel_.send(id, failed_response(wire::FsWrite{}, Error(ErrorKind::invalid_argument,
                                                                     "unknown write session")));
        return;
    }
    const TaskPtr& task = found->second;
    if (!task->data || !is_upload(task->request.op))
        return;
    if (bytes.empty()) {
        task->data->end();
        return;
    }
    services_.activity.count_file_bytes(bytes.size());
    task->data->push(bytes);
}

bool FileService::input_over_bound() const {
    if (pending_.size() >= max_pending)
        return true;
    return streams_ > 0 && std::ranges::any_of(tasks_, [](const auto& item) {
               return item.second->data && item.second->data->over_bound();
           });
}

void FileService::pump(const TaskPtr& task) {
    const auto found = tasks_.find(task->id);
    if (found == tasks_.end() || found->second != task)
        return;
    const std::size_t taken = task->data->attend();
    if (is_upload(task->request.op)) {
        if (const auto bytes = task->window.consumed(taken); bytes > 0)
            channel_.send(task->id, wire::FlowWindow{bytes});
        channel_.input_bound_changed();
    } else {
        while (channel_.accepts_output()) {
            const auto data = task->data->pop();
            if (!data)
                break;
            services_.activity.count_file_bytes(data->size());
            channel_.send(task->id, wire::FsData{*data});
        }
    }
    if (task->response && (is_upload(task->request.op) || task->data->empty()))
        answer(task, std::exchange(task->response, std::nullopt).value());
}

void FileService::resume_output() {
    std::vector<TaskPtr> streams; // an answer removes its task
    for (const auto& [id, task] : tasks_)
        if (task->data && !is_upload(task->request.op))
            streams.push_back(task);
    for (const TaskPtr& task : streams)
        pump(task);
}

void FileService::finished(const TaskPtr& task, wire::FsResponse response) {
    const auto found = tasks_.find(task->id);
    if (found == tasks_.end() || found->second != task) {
        // The operation was cancelled and answered; a handle that it opened afterwards has no user.
        const auto* handle = response.data ? std::get_if<std::uint64_t>(&*response.data) : nullptr;
        if (handle != nullptr)
            if (auto left = handles_->remove(*handle))
                dispose(std::move(*left));
        return;
    }
    task->response = std::move(response);
    if (task->data)
        return pump(task);
    answer(task, std::exchange(task->response, std::nullopt).value());
}

void FileService::answer(const TaskPtr& task, const wire::FsResponse& response) {
    const TaskPtr keep = task;
    channel_.send(keep->id, response);
    tasks_.erase(keep->id);
    if (keep->data) {
        --streams_;
        // Its data may be on the way still.
        if (is_upload(keep->request.op) && !keep->data->has_ended() &&
            ignored_.size() < max_ignored)
            ignored_.insert(keep->id);
        keep->data->close();
        channel_.input_bound_changed();
    }
    if (running_ == keep)
        running_ = nullptr;
    advance();
}

void FileService::cancel(std::uint32_t id) {
    const auto found = tasks_.find(id);
    if (found == tasks_.end() || found->second->cancellation.is_cancelled())
        return;
    const TaskPtr task = found->second;
    task->cancellation.cancel();
    if (task->data)
        task->data->close();
    if (!task->started) {
        std::erase(pending_, task);
        answer(task, failed_response(task->request.op, Error(ErrorKind::cancelled, "cancelled")));
    } else {
        interrupt_again(task);
    }
}

/// An interruption is lost on a thread that is not in its system call yet.
void FileService::interrupt_again(const TaskPtr& task) {
    services_.loop.after(interrupt_period, [self = std::weak_ptr(self_), task] {
        const auto service = self.lock();
        if (!service)
            return;
        FileService& files = **service;
        const auto found = files.tasks_.find(task->id);
        if (found == files.tasks_.end() || found->second != task)
            return;
        if (++task->interruptions < max_interruptions) {
            task->cancellation.interrupt_again();
            files.interrupt_again(task);
        } else {
            files.answer(
                task, failed_response(task->request.op, Error(ErrorKind::cancelled, "cancelled")));
        }
    });
}

} // namespace msb::agent
