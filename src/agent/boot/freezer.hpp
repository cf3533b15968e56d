// Holds the file system of the root still, so that the host can copy the disk that it is on: all that
// was written is on the disk then, and who writes waits.
//
// A thread of its own freezes, waits, and thaws: when it is told to, or when the host has not been
// heard for the time that it asked for. So a host that is gone, and an agent whose loop is stuck, do
// not leave the guest standing.
#pragma once

#include "agent/core/blocking_threads.hpp"
#include "base/fd.hpp"
#include "wire/messages.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

namespace msb::agent {

class Freezer {
  public:
    /// `report` is called on the loop.
    Freezer(EventLoop& loop, std::function<void(const wire::FreezeReport&)> report);
    ~Freezer();
    Freezer(const Freezer&) = delete;
    Freezer& operator=(const Freezer&) = delete;

    /// `initramfs` is what assemble_root() returned. The same number again gives it more time.
    void freeze(int initramfs, const wire::Freeze& request);
    void thaw();

    static constexpr std::chrono::milliseconds longest{30'000};

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<BlockingThreads> threads_;
};

} // namespace msb::agent
