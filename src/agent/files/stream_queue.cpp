#include "agent/files/stream_queue.hpp"

#include "wire/flow.hpp"

#include <algorithm>

namespace msb::agent {

namespace {

std::unexpected<Error> closed() {
    return fail(ErrorKind::cancelled, "cancelled");
}

} // namespace

Result<std::size_t> StreamQueue::read(MutableBytesView buffer) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return queued_ > 0 || ended_ || closed_; });
    if (closed_)
        return closed();
    const bool was_over = queued_ > bound / 2;
    std::size_t filled = 0;
    while (filled < buffer.size() && queued_ > 0) {
        const BytesView rest = BytesView(chunks_.front()).subspan(begin_);
        const std::size_t count = std::min(rest.size(), buffer.size() - filled);
        std::copy_n(rest.begin(), count, buffer.begin() + static_cast<std::ptrdiff_t>(filled));
        filled += count;
        begin_ += count;
        queued_ -= count;
        if (begin_ == chunks_.front().size()) {
            chunks_.pop_front();
            begin_ = 0;
        }
    }
    taken_ += filled;
    if ((was_over && queued_ <= bound / 2) || taken_ >= wire::ReceiveWindow::grain)
        wake_loop(lock);
    return filled;
}

Status StreamQueue::write(BytesView data) {
    while (!data.empty()) {
        const BytesView part = data.first(std::min(data.size(), chunk));
        data = data.subspan(part.size());
        Bytes copy(part.begin(), part.end());
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return queued_ < bound || closed_; });
        if (closed_)
            return closed();
        queued_ += copy.size();
        chunks_.push_back(std::move(copy));
        wake_loop(lock);
    }
    return {};
}

void StreamQueue::wake_loop(std::unique_lock<std::mutex>& lock) {
    if (std::exchange(woken_, true))
        return;
    lock.unlock();
    wake_();
    lock.lock();
}

std::size_t StreamQueue::attend() {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    return std::exchange(taken_, 0);
}

void StreamQueue::push(BytesView data) {
    const std::lock_guard lock(mutex_);
    if (closed_ || ended_)
        return;
    // Small frames share a chunk, so that the bound holds for what is really used.
    if (chunks_.empty() || chunks_.back().size() >= chunk / 4)
        chunks_.emplace_back();
    chunks_.back().insert(chunks_.back().end(), data.begin(), data.end());
    queued_ += data.size();
    changed_.notify_one();
}

void StreamQueue::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true; // also when closed: the client has said its last word
    changed_.notify_one();
}

bool StreamQueue::over_bound() const {
    const std::lock_guard lock(mutex_);
    return queued_ > bound && !closed_;
}

std::optional<Bytes> StreamQueue::pop() {
    const std::lock_guard lock(mutex_);
    if (chunks_.empty())
        return std::nullopt;
    Bytes data = std::move(chunks_.front());
    chunks_.pop_front();
    queued_ -= data.size();
    if (queued_ < bound)
        changed_.notify_one();
    return data;
}

bool StreamQueue::empty() const {
    const std::lock_guard lock(mutex_);
    return chunks_.empty();
}

bool StreamQueue::has_ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

void StreamQueue::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    chunks_.clear();
    begin_ = queued_ = 0;
    changed_.notify_all();
}

} // namespace msb::agent
