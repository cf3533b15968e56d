// How a sandbox comes to its end: by request, by time, by idleness, by losing its agent. All of
// them take the same way: the guest is asked and given time, then the engine is ended.
#include "base/log.hpp"
#include "engine/placement.hpp"
#include "runtime/runtime.hpp"

#include <algorithm>

namespace msb {

namespace {

using namespace std::chrono_literals;

/// A grace of more than an hour is a mistake; the bound also keeps the arithmetic safe.
constexpr std::chrono::milliseconds longest_grace = 1h;
/// An agent that is not process 1 may go before an init system that is powering off by itself.
constexpr auto init_alone_time = 30s;
constexpr auto kernel_alone_time = 2s;
/// Of telling the agent that clients still read.
constexpr auto readers_period = 250ms;
/// Between the order to end and the end; it takes milliseconds.
constexpr auto engine_patience = 5s;

} // namespace

void Runtime::start_timers() {
    if (config_.spec.max_duration_seconds > 0)
        loop_->after(std::chrono::seconds(config_.spec.max_duration_seconds),
                     [this] { begin_shutdown(reason::max_duration, std::nullopt); });
    idle_.start(EventLoop::Clock::now());
    if (sampler_)
        sampler_->start(state_.started_at_ns / 1'000'000, created_);
    watch_heartbeats();
    auto clock = ClockKeeper::start(*loop_, [this](const wire::ClockSync& sync) {
        if (control_->queued() == 0)
            control_->send(sync);
    });
    if (clock)
        clock_ = std::move(*clock);
    else
        log::warn("the guest's clock is not kept: {}", clock.error().to_string());
}

void Runtime::handle_heartbeat(const wire::Heartbeat& heartbeat) {
    if (!ready_)
        return;
    heartbeats_.beat();
    if (balance_timer_ == 0)
        balance_machine();
    if (clock_)
        clock_->observe(heartbeat);
    observe_usage(heartbeat);
    if (idle_.observe(heartbeat, EventLoop::Clock::now()))
        begin_shutdown(reason::idle_timeout, std::nullopt);
}

void Runtime::balance_machine() {
    balance_timer_ = 0;
    if (!engine_gone_ && engine_->balance())
        balance_timer_ = loop_->after(engine::placement_period, [this] { balance_machine(); });
}

void Runtime::watch_heartbeats() {
    if (engine_gone_ || shutting_down_) // its end has a bound of its own
        return;
    if (heartbeats_.is_late())
        if (const auto why = heartbeats_.look(EventLoop::Clock::now(), engine_->activity()))
            return give_up_agent(*why);
    loop_->after(HeartbeatWatch::period, [this] { watch_heartbeats(); });
}

/// Noted at once: clients that lose their connection by this look there for the reason.
void Runtime::give_up_agent(std::string_view detail) {
    if (engine_gone_)
        return;
    if (!std::exchange(shutting_down_, true)) {
        log::error("shutting down: {}: {}", reason::agent_unresponsive, detail);
        state_.reason = reason::agent_unresponsive;
        state_.detail = detail;
        set_status(SandboxStatus::draining);
    }
    end_engine();
}

void Runtime::begin_drain() {
    if (shutting_down_ || engine_gone_ || std::exchange(draining_, true))
        return;
    if (!control_ || !ready_)
        return begin_shutdown(reason::drain_requested, std::nullopt);
    log::info("draining");
    set_status(SandboxStatus::draining);
    control_->send(wire::Drain{});
}

void Runtime::begin_shutdown(std::string_view why, std::optional<std::uint64_t> grace_ms) {
    const auto asked = static_cast<std::uint64_t>(longest_grace.count());
    if (engine_gone_)
        return;
    const std::chrono::milliseconds grace(
        std::min(grace_ms.value_or(static_cast<std::uint64_t>(default_stop_grace.count())), asked));
    const auto kill_time = EventLoop::Clock::now() + grace + power_off_margin(config_.spec);
    if (shutting_down_ && kill_time >= kill_time_)
        return;
    if (!std::exchange(shutting_down_, true)) {
        log::info("shutting down: {}", why);
        state_.reason = why;
        if (!control_ || !ready_) {
            end_engine();
            return;
        }
        set_status(SandboxStatus::draining);
        report_readers(relay_->taken());
    }
    loop_->cancel(kill_timer_);
    kill_time_ = kill_time;
    kill_timer_ = loop_->after(kill_time - EventLoop::Clock::now(), [this] {
        log::warn("the guest did not power off in time");
        end_engine();
    });
    control_->send(wire::Shutdown{static_cast<std::uint64_t>(grace.count())});
}

/// The agent powers off when commands have ended and no client takes their output any more.
void Runtime::report_readers(std::uint64_t told) {
    const std::uint64_t taken = relay_->taken();
    if (taken != told && control_->queued() == 0)
        control_->send(wire::ReadersProgress{told = taken});
    loop_->after(readers_period, [this, told] {
        if (!engine_gone_)
            report_readers(told);
    });
}

/// The engine's init obeys and is out of the guest's reach, but nothing depends on that: whatever a
/// runtime leaves behind in its namespaces, the kernel ends.
void Runtime::end_engine() {
    (void)engine_->stop();
    loop_->cancel(engine_timer_);
    engine_timer_ = loop_->after(engine_patience, [this] {
        log::error("the engine does not end");
        handle_engine_exit();
    });
}

void Runtime::handle_control_lost(std::string_view why) {
    log::info("control channel: {}", why);
    if (!ready_ || shutting_down_ || engine_gone_)
        return;
    const auto patience = config_.spec.init ? init_alone_time : kernel_alone_time;
    loop_->after(patience, [this] { give_up_agent("the agent is gone"); });
}

} // namespace msb
