#include "api/logs.hpp"

#include "api/sandbox.hpp"
#include "base/time.hpp"

#include <thread>

namespace msb::api {

namespace {

/// Between two looks at a log that others write.
constexpr std::chrono::milliseconds follow_tick{50};
/// How often to look whether the sandbox still runs, which costs more than looking at the log.
constexpr int ticks_a_look = 5;

Failure log_failure(Error error, const std::string& name) {
    if (error.kind() == ErrorKind::not_found)
        return Failure(FailureKind::missed_rotation, std::move(error)).of(name);
    return Failure(std::move(error)).of(name);
}

Result<SandboxFiles> files_of(const std::string& name) {
    return SandboxFiles{MSB_TRY(Home::from_environment()).sandbox(name)};
}

} // namespace

Outcome<std::vector<LogEntry>> logs(const std::string& name, LogQuery query) {
    MSB_TRY(get(name)); // also ends a dead one's log
    auto entries = read_logs(MSB_TRY(files_of(name)), std::move(query));
    if (!entries)
        return fail(log_failure(std::move(entries).error(), name));
    return std::move(*entries);
}

Outcome<std::shared_ptr<LogStream>> LogStream::open(const std::string& name, LogQuery query,
                                                    bool follow) {
    const SandboxView view = MSB_TRY(get(name));
    const auto until = query.until_ns;
    auto reader = LogReader::open(MSB_TRY(files_of(name)), std::move(query));
    if (!reader)
        return fail(log_failure(std::move(reader).error(), name));
    std::shared_ptr<LogStream> stream(new LogStream(name, std::move(*reader)));
    stream->until_ns_ = until;
    stream->run_started_ns_ = view.state.started_at_ns;
    stream->follow_ = follow && is_active(view.state.status);
    return stream;
}

bool LogStream::still_runs() const {
    if (until_ns_ && unix_time_ns() >= *until_ns_)
        return false;
    const auto view = get(name_);
    // Another start is another run: the one that was followed is over.
    return view && is_active(view->state.status) && view->state.started_at_ns == run_started_ns_;
}

Outcome<std::optional<LogEntry>> LogStream::next(Cancel* cancel) {
    for (int tick = 0;; ++tick) {
        if (closed_)
            return fail(FailureKind::invalid_handle, "the log's handle was closed");
        if (cancel != nullptr && cancel->triggered())
            return fail(FailureKind::cancelled, "cancelled");
        {
            const std::lock_guard lock(mutex_);
            if (held_)
                return std::exchange(held_, std::nullopt);
            auto entry = MSB_TRY(reader_.next());
            // What was written before the end is read after it.
            if (!entry && follow_ && tick % ticks_a_look == 0 && !still_runs()) {
                follow_ = false;
                entry = MSB_TRY(reader_.next());
            }
            if (entry && reader_.take_missed()) {
                held_ = std::move(entry);
                return fail(Failure(FailureKind::missed_rotation,
                                    "the log was rotated faster than it was read")
                                .of(name_));
            }
            if (entry || !follow_)
                return entry;
        }
        std::this_thread::sleep_for(follow_tick);
    }
}

void LogStream::close() {
    closed_ = true;
}

} // namespace msb::api
