// When the sandbox's metrics are taken, and where they come from.
#include "base/log.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "runtime/runtime.hpp"

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds heartbeat_period = 1s;
/// How much one may be early or late.
constexpr std::chrono::milliseconds heartbeat_jitter = 250ms;

std::int64_t unix_ms() {
    return unix_time_ns() / 1'000'000;
}

} // namespace

/// Before anything hostile is read: what this maps is all of the registry that we ever reach.
void Runtime::open_metrics() {
    if (!config_.metrics)
        return;
    auto sampler = Sampler::open(OwnedFd(launch_fd_metrics), *config_.metrics,
                                 {.memory_bytes = config_.spec.memory_mib << 20,
                                  .disk_bytes = config_.spec.root_disk.size_mib << 20,
                                  .cpus = config_.spec.cpus,
                                  .interval_ms = config_.spec.metrics_interval_ms});
    if (sampler)
        sampler_ = std::make_unique<Sampler>(*sampler);
    else
        log::warn("no metrics: {}", sampler.error().to_string());
}

/// Where the interval is whole seconds heartbeats are its clock, because with them the machine is looked
/// at for its placement anyway. A guest that has fallen silent is sampled all the same.
void Runtime::observe_usage(const wire::Heartbeat& heartbeat) {
    if (!sampler_)
        return;
    const auto now = EventLoop::Clock::now();
    const bool first = !sampler_->ready();
    sampler_->observe(heartbeat, now);
    if (first || now + heartbeat_jitter >= next_sample_)
        take_sample();
}

void Runtime::take_sample() {
    loop_->cancel(sample_timer_);
    if (engine_gone_)
        return;
    Sampler::HostSide host{.machine = engine_->activity(),
                           .memory_allocated = servers_.front()->guest_memory_allocated()};
    const auto count = [&host](const device::Blk* disk) {
        host.disk_read += disk != nullptr ? disk->bytes_read() : 0;
        host.disk_written += disk != nullptr ? disk->bytes_written() : 0;
    };
    count(root_disk_.get());
    count(upper_disk_.get());
    for (const auto& disk : mounted_disks_)
        count(disk.get());
    if (upper_disk_)
        if (const auto info = sys::fstat(launch_fd_upper))
            host.disk_allocated = static_cast<std::uint64_t>(info->st_blocks) * 512;
    const auto now = EventLoop::Clock::now();
    sampler_->publish(host, unix_ms(), now);

    const std::chrono::milliseconds interval(config_.spec.metrics_interval_ms);
    const bool by_heartbeat = interval % heartbeat_period == 0ms;
    next_sample_ = now + interval;
    sample_timer_ = loop_->after(by_heartbeat ? interval + 2 * heartbeat_jitter : interval,
                                 [this] { take_sample(); });
}

} // namespace msb
