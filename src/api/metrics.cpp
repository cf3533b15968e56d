#include "api/metrics.hpp"

#include "api/open_launcher.hpp"
#include "base/time.hpp"
#include "sandbox/metrics.hpp"

#include <algorithm>
#include <thread>

namespace msb {

namespace {

using std::chrono::milliseconds;

/// An age that means that nothing is sampled any more, unless the interval is long.
constexpr milliseconds usual_staleness{3000};

json::Value stall_document(const std::optional<metrics::Pressure>& stall) {
    return stall ? json::Value{{"some_us", stall->some_us}, {"full_us", stall->full_us}}
                 : json::Value();
}

SandboxMetrics describe(const metrics::Registry::Entry& entry, bool runs) {
    const metrics::Sample& sample = *entry.sample;
    const std::int64_t now = unix_time_ns() / 1'000'000;
    const auto since = [](std::int64_t from, std::int64_t to) {
        return milliseconds(std::max<std::int64_t>(to - from, 0));
    };
    SandboxMetrics result{.name = entry.name, .run = entry.run, .sample = sample};
    result.age = since(sample.sampled_at_ms, now);
    result.uptime = since(sample.started_at_ms, runs ? now : sample.sampled_at_ms);
    const milliseconds staleness = std::max(usual_staleness, 3 * milliseconds(sample.interval_ms));
    result.state = !runs                    ? SandboxMetrics::State::exited
                   : result.age > staleness ? SandboxMetrics::State::stalled
                                            : SandboxMetrics::State::running;
    return result;
}

/// Its lock tells, and no process id that may have been used again.
bool runs(const metrics::Registry& registry, const metrics::Registry::Entry& entry) {
    return entry.sample->active && registry.is_alive(entry.name);
}

} // namespace

std::string_view to_string(SandboxMetrics::State state) {
    switch (state) {
    case SandboxMetrics::State::running: return "running";
    case SandboxMetrics::State::stalled: return "stalled";
    case SandboxMetrics::State::exited: break;
    }
    return "exited";
}

Result<std::vector<SandboxMetrics>> read_metrics(const Home& home, bool exited) {
    const metrics::Registry registry = metrics_registry(home);
    std::vector<SandboxMetrics> all;
    for (const metrics::Registry::Entry& entry : MSB_TRY(registry.read())) {
        if (!entry.sample)
            continue;
        const bool running = runs(registry, entry);
        if (running || exited)
            all.push_back(describe(entry, running));
    }
    std::ranges::sort(all, {}, &SandboxMetrics::name);
    return all;
}

json::Value to_document(const SandboxMetrics& metrics) {
    const metrics::Sample& sample = metrics.sample;
    return {
        {"name", metrics.name},
        {"state", to_string(metrics.state)},
        {"cpus", sample.cpus},
        {"timestamp", format_rfc3339(sample.sampled_at_ms * 1'000'000, 3, "+00:00")},
        {"timestamp_ms", sample.sampled_at_ms},
        {"cpu_percent", sample.cpu_percent},
        {"vcpu_time_ns", sample.cpu_time_ns},
        {"memory_bytes", sample.memory_used},
        {"memory_available_bytes", sample.memory_available},
        {"memory_host_resident_bytes", sample.host_resident},
        {"memory_limit_bytes", sample.memory_limit},
        {"disk_read_bytes", sample.disk_read},
        {"disk_write_bytes", sample.disk_written},
        {"net_rx_bytes", sample.net_received},
        {"net_tx_bytes", sample.net_sent},
        {"upper_used_bytes", sample.upper_used},
        {"upper_free_bytes", sample.upper_free},
        {"upper_host_allocated_bytes", sample.upper_allocated},
        {"uptime_secs", static_cast<std::uint64_t>(metrics.uptime.count()) / 1000},
        {"uptime_ms", static_cast<std::uint64_t>(metrics.uptime.count())},
        {"processes", sample.processes},
        {"sessions", sample.sessions},
        {"restarts", sample.restarts},
        {"cpu_stall", stall_document(sample.cpu_pressure)},
        {"memory_stall", stall_document(sample.memory_pressure)},
        {"io_stall", stall_document(sample.io_pressure)},
    };
}

} // namespace msb

namespace msb::api {

namespace {

/// Between two looks for a sample that is due.
constexpr std::chrono::milliseconds look_tick{50};

Failure no_metrics(const std::string& name) {
    return Failure(FailureKind::metrics_unavailable,
                   "no metrics recorded for sandbox \"" + name + "\"")
        .of(name);
}

} // namespace

Outcome<SandboxMetrics> metrics(Sandboxes& sandboxes, const std::string& name, bool exited) {
    const SandboxView view = MSB_TRY(about_sandbox(sandboxes.get(name), name));
    const bool active = is_active(view.state.status);
    if (view.spec.metrics_interval_ms == 0 && (active || !exited))
        return fail(Failure(FailureKind::metrics_disabled, "metrics disabled for sandbox: " + name)
                        .of(name));
    const metrics::Registry registry = metrics_registry(sandboxes.home());
    const auto entry = MSB_TRY(registry.read(name));
    if (!entry || !entry->sample)
        return fail(no_metrics(name));
    const bool running = active && runs(registry, *entry);
    if (!running && !exited)
        return fail(no_metrics(name));
    return describe(*entry, running);
}

Outcome<SandboxMetrics> metrics(const std::string& name) {
    Launcher launcher = MSB_TRY(open_launcher());
    return metrics(launcher.sandboxes(), name);
}

Outcome<std::vector<SandboxMetrics>> all_metrics() {
    return MSB_TRY(read_metrics(MSB_TRY(Home::from_environment()), false));
}

Outcome<std::shared_ptr<MetricsStream>> MetricsStream::open(const std::string& name,
                                                            std::chrono::milliseconds interval) {
    Launcher launcher = MSB_TRY(open_launcher());
    const auto first = metrics(launcher.sandboxes(), name);
    // One that has only just started has its first sample within an interval.
    const bool soon =
        !first && first.error().kind == FailureKind::metrics_unavailable &&
        is_active(MSB_TRY(about_sandbox(launcher.sandboxes().get(name), name)).state.status);
    if (!first && !soon)
        return fail(first.error());
    return std::shared_ptr<MetricsStream>(new MetricsStream(launcher.home(), name, interval));
}

/// A new sample of the run that is followed, or of the first that is seen; nothing if there is none yet.
/// not_found: that run is over.
Result<std::optional<SandboxMetrics>> MetricsStream::look() {
    const metrics::Registry registry = metrics_registry(home_);
    if (!registry.is_alive(name_))
        return fail(ErrorKind::not_found, "the run is over");
    const auto entry = MSB_TRY(registry.read(name_));
    if (run_ != 0 && (!entry || entry->run != run_ || (entry->sample && !entry->sample->active)))
        return fail(ErrorKind::not_found, "the run is over");
    if (!entry || !entry->sample || !entry->sample->active ||
        entry->sample->sampled_at_ms == sampled_at_ms_)
        return std::nullopt;
    run_ = entry->run;
    sampled_at_ms_ = entry->sample->sampled_at_ms;
    return describe(*entry, true);
}

Outcome<std::optional<SandboxMetrics>> MetricsStream::next(Cancel* cancel) {
    for (;;) {
        if (closed_)
            return fail(FailureKind::invalid_handle, "the handle of the metrics was closed");
        if (cancel != nullptr && cancel->triggered())
            return fail(FailureKind::cancelled, "cancelled");
        auto wait = look_tick;
        {
            const std::lock_guard lock(mutex_);
            const auto now = Clock::now();
            if (now < next_) {
                wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(next_ - now));
            } else {
                auto seen = look();
                if (!seen && seen.error().kind() == ErrorKind::not_found)
                    return std::nullopt;
                if (!seen)
                    return fail(Failure(std::move(seen).error()).of(name_));
                if (*seen) {
                    next_ = now + interval_;
                    return std::move(*seen);
                }
            }
        }
        std::this_thread::sleep_for(wait);
    }
}

} // namespace msb::api
