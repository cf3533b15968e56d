// What sandboxes use, as their runtimes publish it, for the command line and the library. Nothing is asked
// of a sandbox for it: it is read from the registry of the home (metrics/registry.hpp).
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"
#include "json/value.hpp"
#include "metrics/sample.hpp"
#include "sandbox/sandboxes.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct SandboxMetrics {
    enum class State {
        running,
        stalled, ///< it runs, and the last sample is old
        exited,  ///< the last sample of a run that is over
    };
    std::string name;
    std::uint64_t run = 0; ///< differs from run to run
    State state = State::running;
    metrics::Sample sample;
    std::chrono::milliseconds age{}; ///< of the sample
    std::chrono::milliseconds
        uptime{}; ///< until now, or until the last sample of a run that is over
};
/// "running", "stalled", "exited".
std::string_view to_string(SandboxMetrics::State state);

/// Of all that run and have a sample, by name; `exited`: also of those that do not run any more.
Result<std::vector<SandboxMetrics>> read_metrics(const Home& home, bool exited);

/// {"name", "state", "cpus", "timestamp", "cpu_percent", ...}; what is not known is null.
json::Value to_document(const SandboxMetrics& metrics);

} // namespace msb

namespace msb::api {

/// metrics_disabled: it takes none; metrics_unavailable: there is no sample (yet). `exited`: the last
/// sample of a run that is over counts, too.
Outcome<SandboxMetrics> metrics(Sandboxes& sandboxes, const std::string& name, bool exited = false);

Outcome<SandboxMetrics> metrics(const std::string& name);
Outcome<std::vector<SandboxMetrics>> all_metrics();

/// One sample after the other.
class MetricsStream {
  public:
    static Outcome<std::shared_ptr<MetricsStream>> open(const std::string& name,
                                                        std::chrono::milliseconds interval);

    /// The next sample, when one is there and the interval has passed; nothing when the run is over.
    Outcome<std::optional<SandboxMetrics>> next(Cancel* cancel);
    /// Calls that wait return with invalid_handle.
    void close() { closed_ = true; }

  private:
    MetricsStream(Home home, std::string name, std::chrono::milliseconds interval)
        : home_(std::move(home)), name_(std::move(name)), interval_(interval) {}
    Result<std::optional<SandboxMetrics>> look();

    using Clock = std::chrono::steady_clock;
    const Home home_;
    const std::string name_;
    const std::chrono::milliseconds interval_;
    std::mutex mutex_;      ///< of what follows
    std::uint64_t run_ = 0; ///< the one that is followed; 0: there was no sample yet
    std::int64_t sampled_at_ms_ = 0;
    Clock::time_point next_{};
    std::atomic<bool> closed_ = false;
};

} // namespace msb::api
