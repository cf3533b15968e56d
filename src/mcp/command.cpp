#include "mcp/command.hpp"

#include <algorithm>

namespace msb::mcp {

Command::Command(std::shared_ptr<api::Exec> exec, std::size_t most)
    : exec_(std::move(exec)), most_(most), reader_([this] { follow(); }) {}

Command::~Command() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    changed_.notify_all();
    stop_.trigger();
    reader_.join();
    exec_->close(); // ends it
}

/// The thread.
void Command::follow() {
    for (;;) {
        const auto event = exec_->next(&stop_);
        std::unique_lock lock(mutex_);
        if (!event)
            failure_ = event.error();
        else
            take(*event);
        changed_.notify_all();
        changed_.wait(lock, [&] { return closing_ || out_.size() + err_.size() < most_; });
        if (closing_ || end_ || failure_)
            return;
    }
}

void Command::take(const api::ExecEvent& event) {
    if (const auto* output = std::get_if<api::ExecOutput>(&event))
        (output->error ? err_ : out_).append(as_text(output->data));
    else if (const auto* end = std::get_if<api::ExecEnd>(&event))
        end_ = *end;
    else if (const auto* failed = std::get_if<wire::ExecFailed>(&event))
        failure_ = api::Failure(api::FailureKind::exec_failed, failed->message);
}

template <typename Ready>
void Command::wait(std::unique_lock<std::mutex>& lock, Clock::time_point deadline,
                   const api::Cancel* cancel, Ready ready) {
    constexpr auto slice = std::chrono::milliseconds(100); // between looks at `cancel`
    const auto cancelled = [&] { return cancel != nullptr && cancel->triggered(); };
    while (!ready() && !end_ && !failure_ && Clock::now() < deadline && !cancelled())
        changed_.wait_until(lock, std::min(deadline, Clock::now() + slice));
}

Command::Output Command::read(Clock::time_point deadline, const api::Cancel* cancel) {
    Output output;
    {
        std::unique_lock lock(mutex_);
        used_ = Clock::now();
        wait(lock, deadline, cancel, [&] { return !out_.empty() || !err_.empty(); });
        output = {std::exchange(out_, {}), std::exchange(err_, {}), end_, failure_};
    }
    changed_.notify_all();
    return output;
}

std::optional<std::string> Command::read_line(Clock::time_point deadline,
                                              const api::Cancel* cancel) {
    std::optional<std::string> line;
    {
        std::unique_lock lock(mutex_);
        used_ = Clock::now();
        wait(lock, deadline, cancel, [&] {
            err_.clear();
            return out_.find('\n') != std::string::npos || out_.size() >= most_;
        });
        if (const auto end = out_.find('\n'); end != std::string::npos) {
            line = out_.substr(0, end);
            out_.erase(0, end + 1);
        }
    }
    changed_.notify_all();
    return line;
}

bool Command::over() const {
    const std::lock_guard lock(mutex_);
    return end_ || failure_;
}

Command::Clock::time_point Command::used() const {
    const std::lock_guard lock(mutex_);
    return used_;
}

void Excerpt::add(BytesView data) {
    total_ += data.size();
    std::string_view text = as_text(data);
    const std::size_t half = most_ / 2;
    const std::size_t first = std::min(text.size(), half - std::min(half, head_.size()));
    head_ += text.substr(0, first);
    text.remove_prefix(first);
    tail_ += text;
    const std::size_t rest = most_ - half;
    // Cut seldom, because each cut moves all that stays.
    if (tail_.size() > 2 * rest)
        tail_.erase(0, tail_.size() - rest);
}

std::string Excerpt::text() const {
    const std::size_t rest = most_ - most_ / 2;
    if (complete())
        return head_ + tail_;
    return head_ + "\n[" + std::to_string(total_ - most_) + " bytes left out]\n" +
           tail_.substr(tail_.size() - std::min(tail_.size(), rest));
}

} // namespace msb::mcp
