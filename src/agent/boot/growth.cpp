#include "agent/boot/growth.hpp"

#include "agent/boot/root.hpp"

#include <mutex>
#include <utility>

namespace msb::agent {

struct Growth::Shared {
    Shared(EventLoop& loop, std::function<void(const wire::RootDiskState&)> to)
        : mailbox(loop), report(std::move(to)) {}

    void run(int initramfs, std::uint64_t size_mib) {
        Status grown;
        {
            const std::lock_guard alone(one_at_a_time);
            grown = grow_upper(initramfs, size_mib);
        }
        say(size_mib, grown);
    }

    void say(std::uint64_t size_mib, const Status& grown) {
        mailbox.post([this, said = wire::RootDiskState{
                                size_mib, grown ? std::string() : grown.error().to_string()}] {
            report(said);
        });
    }

    Mailbox mailbox;
    std::function<void(const wire::RootDiskState&)> report;
    std::mutex one_at_a_time;
};

Growth::Growth(EventLoop& loop, std::function<void(const wire::RootDiskState&)> report)
    : shared_(std::make_shared<Shared>(loop, std::move(report))) {}

Growth::~Growth() {
    shared_->mailbox.close();
}

void Growth::begin(int initramfs, const wire::RootDiskGrow& request) {
    if (!threads_)
        threads_ = BlockingThreads::create();
    const Status begun = threads_->run([shared = shared_, initramfs, size_mib = request.size_mib] {
        shared->run(initramfs, size_mib);
    });
    if (!begun)
        shared_->say(request.size_mib, begun);
}

} // namespace msb::agent
