#include "agent/boot/freezer.hpp"

#include "agent/boot/root.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <utility>

namespace msb::agent {

namespace {
using Clock = std::chrono::steady_clock;
}

struct Freezer::Shared {
    Shared(EventLoop& loop, std::function<void(const wire::FreezeReport&)> to)
        : mailbox(loop), report(std::move(to)) {}

    void say(std::uint64_t number, wire::FreezeState state, std::string message = {}) {
        mailbox.post(
            [this, said = wire::FreezeReport{number, state, std::move(message)}] { report(said); });
    }

    /// True if it was told to thaw, false if the time was over.
    bool wait_for_thaw() {
        std::unique_lock lock(mutex);
        while (!told && Clock::now() < deadline)
            changed.wait_until(lock, deadline);
        return told;
    }

    void run(std::uint64_t number, const OwnedFd& disk) {
        if (::ioctl(disk.get(), FIFREEZE, 0) == -1) {
            const std::string why = errno == EBUSY ? "the guest has frozen its disk itself"
                                                   : Error::from_errno(errno, "FIFREEZE").message();
            end();
            return say(number, wire::FreezeState::failed, why);
        }
        say(number, wire::FreezeState::frozen);
        const bool asked = wait_for_thaw();
        const bool held = ::ioctl(disk.get(), FITHAW, 0) == 0;
        end();
        if (!held)
            say(number, wire::FreezeState::failed, "the guest has thawed its disk itself");
        else
            say(number, asked ? wire::FreezeState::thawed : wire::FreezeState::expired);
    }

    void end() {
        const std::lock_guard lock(mutex);
        active = 0;
    }

    Mailbox mailbox;
    std::function<void(const wire::FreezeReport&)> report;
    std::mutex mutex; ///< of what follows
    std::condition_variable changed;
    std::uint64_t active = 0; ///< number of the request that is being served
    bool told = false;        ///< to thaw
    Clock::time_point deadline{};
};

Freezer::Freezer(EventLoop& loop, std::function<void(const wire::FreezeReport&)> report)
    : shared_(std::make_shared<Shared>(loop, std::move(report))) {}

Freezer::~Freezer() {
    thaw();
    shared_->mailbox.close();
}

void Freezer::freeze(int initramfs, const wire::Freeze& request) {
    const auto time = std::min(
        std::chrono::milliseconds(std::min<std::uint64_t>(request.timeout_ms, longest.count())),
        longest);
    const std::uint64_t number = std::max<std::uint64_t>(request.number, 1);
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->deadline = Clock::now() + time;
        shared_->changed.notify_all();
        if (shared_->active == number)
            return;
        if (shared_->active != 0)
            return shared_->say(number, wire::FreezeState::failed, "it is frozen for another");
        shared_->active = number;
        shared_->told = false;
    }
    auto disk = open_upper(initramfs);
    if (!disk) {
        shared_->end();
        return shared_->say(number, wire::FreezeState::failed, disk.error().to_string());
    }
    if (!threads_)
        threads_ = BlockingThreads::create();
    const auto file = std::make_shared<OwnedFd>(std::move(*disk));
    const Status begun =
        threads_->run([shared = shared_, number, file] { shared->run(number, *file); });
    if (!begun) {
        shared_->end();
        shared_->say(number, wire::FreezeState::failed, begun.error().to_string());
    }
}

void Freezer::thaw() {
    const std::lock_guard lock(shared_->mutex);
    shared_->told = true;
    shared_->changed.notify_all();
}

} // namespace msb::agent
