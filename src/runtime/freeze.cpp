// What the host's commands ask for, and a guest that holds its disk still for one of them.
#include "base/log.hpp"
#include "runtime/runtime.hpp"
#include "spec/state.hpp"

namespace msb {

HostChannel::Requests Runtime::host_requests() {
    return {
        .shutdown =
            [this](const wire::HostShutdown& shutdown) {
                begin_shutdown(reason::shutdown_requested, shutdown.grace_ms);
            },
        .drain = [this] { begin_drain(); },
        .status = [this] { return describe_status(); },
        .network_policy =
            [this](const wire::HostNetworkPolicy& change, HostChannel::Reply reply) {
                change_network_policy(change, std::move(reply));
            },
        .freeze = [this](const wire::HostFreeze& freeze) { return begin_freeze(freeze); },
        .thaw = [this](const wire::HostThaw& thaw) { begin_thaw(thaw); },
        .freeze_status = [this] { return freeze_; },
        .grow_root_disk = [this](const wire::HostRootDiskGrow& grow) { return begin_growth(grow); },
        .root_disk_status = [this] { return growth_; }};
}

Status Runtime::begin_freeze(const wire::HostFreeze& request) {
    if (!control_ || !ready_ || shutting_down_)
        return fail(ErrorKind::busy, "the guest is starting or ending");
    const bool active = freeze_.state == to_string(wire::FreezeState::freezing) ||
                        freeze_.state == to_string(wire::FreezeState::frozen);
    if (active && freeze_.number != request.number)
        return fail(ErrorKind::busy, "the guest is frozen for another command");
    if (freeze_.number != request.number)
        freeze_ = {request.number, std::string(to_string(wire::FreezeState::freezing)), {}};
    control_->send(wire::Freeze{request.number, request.timeout_ms});
    return {};
}

void Runtime::begin_thaw(const wire::HostThaw& request) {
    if (control_ && freeze_.number == request.number)
        control_->send(wire::Thaw{});
}

/// The guest may say what it likes, but only about what was asked for.
void Runtime::handle_freeze(const wire::FreezeReport& report) {
    if (report.number != freeze_.number)
        return;
    constexpr std::size_t longest = 256;
    freeze_.state = to_string(report.state);
    freeze_.message = report.message.substr(0, longest);
    log::debug("the guest's disk: {}", freeze_.state);
}

} // namespace msb
