// Extends the root's file system when its disk has grown, on a thread of its own: it writes to that disk.
#pragma once

#include "agent/core/blocking_threads.hpp"
#include "wire/messages.hpp"

#include <functional>
#include <memory>

namespace msb::agent {

class Growth {
  public:
    /// `report` is called on the loop.
    Growth(EventLoop& loop, std::function<void(const wire::RootDiskState&)> report);
    ~Growth();
    Growth(const Growth&) = delete;
    Growth& operator=(const Growth&) = delete;

    /// `initramfs` is what assemble_root() returned, and stays open.
    void begin(int initramfs, const wire::RootDiskGrow& request);

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<BlockingThreads> threads_;
};

} // namespace msb::agent
