#include "ffi/progress.hpp"

namespace msb::ffi {

namespace {
/// Images have at most 512 layers, each with a few reports.
constexpr std::size_t most_events = 4096;
constexpr std::chrono::milliseconds look_again{100};
} // namespace

void ReportQueue::push(json::Value event) {
    {
        const std::lock_guard lock(mutex_);
        if (event["event"] == "layer_download_progress" || event["event"] == "copied")
            for (auto& waiting : events_)
                if (waiting["event"] == event["event"] &&
                    waiting["layer_index"] == event["layer_index"]) {
                    waiting = std::move(event);
                    return;
                }
        if (events_.size() >= most_events)
            events_.pop_front();
        events_.push_back(std::move(event));
    }
    changed_.notify_all();
}

void ReportQueue::resolving(const std::string& reference) {
    push({{"event", "resolving"}, {"reference", reference}});
}
void ReportQueue::resolved(const std::string& reference, std::size_t layers,
                           std::uint64_t total_bytes) {
    push({{"event", "resolved"},
          {"reference", reference},
          {"layer_count", layers},
          {"total_download_bytes", total_bytes}});
}
void ReportQueue::layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t total) {
    push({{"event", "layer_download_progress"},
          {"layer_index", layer},
          {"downloaded_bytes", done},
          {"total_bytes", total}});
}
void ReportQueue::layer_done(std::size_t layer, bool reused) {
    push({{"event", "layer_materialize_complete"}, {"layer_index", layer}, {"reused", reused}});
}
void ReportQueue::merging(const std::string& reference) {
    push({{"event", "stitch_merging_trees"}, {"reference", reference}});
}

void ReportQueue::complete(const std::string& reference) {
    push({{"event", "complete"}, {"reference", reference}});
}

void ReportQueue::copied(std::uint64_t done, std::uint64_t total) {
    push({{"event", "copied"}, {"done_bytes", done}, {"total_bytes", total}});
}

void ReportQueue::finish() {
    {
        const std::lock_guard lock(mutex_);
        finished_ = true;
    }
    changed_.notify_all();
}

api::Outcome<std::optional<json::Value>> ReportQueue::next(api::Cancel* cancel) {
    const api::Cancel::Wake wake(cancel, [this] { changed_.notify_all(); });
    std::unique_lock lock(mutex_);
    while (events_.empty() && !finished_) {
        if (cancel != nullptr && cancel->triggered())
            return api::fail(api::FailureKind::cancelled, "cancelled");
        changed_.wait_for(lock, look_again);
    }
    if (events_.empty())
        return std::nullopt;
    auto event = std::optional(std::move(events_.front()));
    events_.pop_front();
    return event;
}

} // namespace msb::ffi
