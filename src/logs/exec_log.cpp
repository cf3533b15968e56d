#include "logs/exec_log.hpp"

#include "base/time.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <utility>

namespace msb {

namespace {

/// Enough for the writer not to run dry while the relay and the guest take turns.
constexpr std::size_t max_queued = std::size_t{2} << 20;
/// How much callers may write by themselves: at once, and per second.
constexpr std::size_t burst_bytes = std::size_t{512} << 10;
constexpr std::int64_t bytes_per_second = std::int64_t{1} << 20;
/// Counted for each entry besides its data.
constexpr std::size_t entry_overhead = 128;

std::size_t cost(std::size_t data_size) {
    return data_size + entry_overhead;
}

} // namespace

Result<std::unique_ptr<ExecLog>> ExecLog::open(OwnedFd directory_fd) {
    return std::unique_ptr<ExecLog>(
        new ExecLog(MSB_TRY(RotatingFile::open(std::move(directory_fd), "exec.log"))));
}

ExecLog::~ExecLog() {
    if (!thread_.joinable())
        return;
    {
        const std::scoped_lock lock(mutex_);
        ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void ExecLog::start(EventLoop& loop, std::function<void()> progress) {
    loop_ = &loop;
    progress_ = std::move(progress);
    thread_ = std::thread([this] {
        ::prctl(PR_SET_NAME, "exec-log");
        write_queue();
    });
}

void ExecLog::write(LogSource source, std::optional<std::uint64_t> session, BytesView data) {
    const std::int64_t now = unix_time_ns();
    while (!data.empty()) {
        std::size_t size = std::min(data.size(), max_log_data);
        if (size < data.size())
            size -= incomplete_utf8_suffix(as_text(data.first(size)));
        const BytesView part = data.first(size);
        const Entry entry{now, source, session, size};
        if (settled() && within_rate(cost(size), monotonic_ns()))
            write_now(entry, part);
        else
            enqueue(entry, part);
        data = data.subspan(size);
    }
}

void ExecLog::mark(std::string_view text) {
    write(LogSource::system, std::nullopt, as_bytes(fmt::format("--- {} ---\n", text)));
}

void ExecLog::write_now(const Entry& entry, BytesView data) {
    line_.clear();
    append_log_line(line_, entry.time_ns, entry.source, entry.session, data);
    file_.append(as_bytes(line_));
}

bool ExecLog::within_rate(std::size_t bytes, std::int64_t now_ns) {
    if (!thread_.joinable())
        return true;
    constexpr std::int64_t second_ns = 1'000'000'000;
    const std::int64_t passed = std::clamp<std::int64_t>(now_ns - allowance_time_ns_, 0, second_ns);
    allowance_time_ns_ = now_ns;
    allowance_ += static_cast<std::size_t>(passed * bytes_per_second / second_ns);
    allowance_ = std::min(allowance_, burst_bytes);
    if (allowance_ < bytes)
        return false;
    allowance_ -= bytes;
    return true;
}

void ExecLog::enqueue(const Entry& entry, BytesView data) {
    {
        const std::scoped_lock lock(mutex_);
        queued_bytes_ += cost(entry.size);
        queue_.entries.push_back(entry);
        queue_.data.insert(queue_.data.end(), data.begin(), data.end());
        ++newest_;
    }
    wake_.notify_one();
}

bool ExecLog::full() const {
    const std::scoped_lock lock(mutex_);
    return queued_bytes_ >= max_queued;
}

std::uint64_t ExecLog::newest() const {
    const std::scoped_lock lock(mutex_);
    return newest_;
}

bool ExecLog::written(std::uint64_t entry) const {
    const std::scoped_lock lock(mutex_);
    return written_ >= entry;
}

bool ExecLog::settled() const {
    const std::scoped_lock lock(mutex_);
    return written_ == newest_;
}

void ExecLog::flush() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return written_ == newest_; });
}

void ExecLog::write_queue() {
    // The two batches change places, so that a flood uses the same memory all the time.
    Batch batch;
    std::unique_lock lock(mutex_);
    const auto awaited = [this] { return ending_ || !queue_.entries.empty(); };
    for (;;) {
        if (batch.data.capacity() > 0 && !wake_.wait_for(lock, std::chrono::seconds(1), awaited))
            batch = queue_ = Batch(); // the flood is over
        wake_.wait(lock, awaited);
        if (queue_.entries.empty())
            return;
        std::swap(batch, queue_);
        lock.unlock();
        write_batch(batch);
        lock.lock();
        for (const Entry& entry : batch.entries)
            queued_bytes_ -= cost(entry.size);
        written_ += batch.entries.size();
        batch.entries.clear();
        batch.data.clear();
        idle_.notify_all();
        loop_->post([this] { progress_(); });
    }
}

void ExecLog::write_batch(const Batch& batch) {
    BytesView data = batch.data;
    for (const Entry& entry : batch.entries) {
        write_now(entry, data.first(entry.size));
        data = data.subspan(entry.size);
    }
}

} // namespace msb
