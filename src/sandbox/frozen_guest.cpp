#include "sandbox/frozen_guest.hpp"

#include "wire/control_messages.hpp"

#include <sys/random.h>
#include <thread>
#include <utility>

namespace msb {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// How long a guest stays frozen that hears nothing more, and how often it is told to.
constexpr auto lease = 4s;
constexpr auto renewal = 1s;
/// To write what it has in memory, or to thaw.
constexpr auto patience = 10s;
constexpr auto look_interval = 500us;

std::string name_of(wire::FreezeState state) {
    return std::string(to_string(state));
}

} // namespace

Result<FrozenGuest> FrozenGuest::freeze(RuntimeDoor door) {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), 0) != sizeof(number))
        return fail_errno("getrandom");
    FrozenGuest guest(std::move(door), number | 1);
    MSB_TRY(guest.ask_for_time());
    const auto report = MSB_TRY(guest.wait_while(name_of(wire::FreezeState::freezing)));
    if (report.state == name_of(wire::FreezeState::frozen))
        return guest;
    return fail(ErrorKind::busy, "the guest does not hold its disk still: " +
                                     (report.message.empty() ? report.state : report.message));
}

FrozenGuest::~FrozenGuest() {
    if (door_)
        (void)door_->ask(wire::HostThaw{number_});
}

Status FrozenGuest::ask_for_time() {
    asked_ = Clock::now();
    constexpr auto time = std::chrono::milliseconds(lease).count();
    return door_->ask(wire::HostFreeze{number_, static_cast<std::uint64_t>(time)});
}

Status FrozenGuest::keep() {
    return Clock::now() - asked_ < renewal ? Status() : ask_for_time();
}

Result<wire::HostFreezeReport> FrozenGuest::report() {
    auto report = MSB_TRY(door_->query<wire::HostFreezeReport>(wire::HostFreezeStatus{}));
    if (report.number != number_)
        return fail(ErrorKind::busy, "the guest is frozen for another command");
    return report;
}

Result<wire::HostFreezeReport> FrozenGuest::wait_while(std::string_view state) {
    const auto deadline = Clock::now() + patience;
    for (;;) {
        auto now = MSB_TRY(report());
        if (now.state != state)
            return now;
        if (Clock::now() >= deadline)
            return fail(ErrorKind::timed_out, "the guest does not hold its disk still in time");
        std::this_thread::sleep_for(look_interval);
    }
}

Status FrozenGuest::thaw() {
    MSB_TRY(door_->ask(wire::HostThaw{number_}));
    const auto report = MSB_TRY(wait_while(name_of(wire::FreezeState::frozen)));
    door_.reset();
    if (report.state == name_of(wire::FreezeState::thawed))
        return {};
    return fail(ErrorKind::busy, "the guest did not hold its disk still while it was copied: " +
                                     (report.message.empty() ? report.state : report.message));
}

} // namespace msb
