// What every part of the agent may use. It knows none of those parts.
#pragma once

#include "agent/core/activity.hpp"
#include "agent/core/blocking_threads.hpp"
#include "agent/core/config.hpp"
#include "agent/core/workers.hpp"
#include "base/event_loop.hpp"

#include <memory>
#include <string_view>

namespace msb::agent {

struct Services {
    Services(EventLoop& event_loop, Config configuration)
        : loop(event_loop), config(std::move(configuration)), workers(loop),
          mailbox(std::make_shared<Mailbox>(loop)) {}
    /// Reports that blocking threads still make are dropped.
    ~Services() { mailbox->close(); }
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    /// Why nothing may be started any more; empty while it may.
    std::string_view refusal() const {
        if (stopping)
            return "the sandbox is stopping";
        return draining ? "the sandbox is draining: it takes no new commands" : "";
    }

    EventLoop& loop;
    const Config config;
    Activity activity;
    bool stopping = false; ///< the sandbox's end was asked for
    bool draining = false; ///< what runs may finish, and nothing else begins
    Workers workers;       ///< for looking names up
    /// For system calls on the guest's file systems, which may block for ever.
    std::shared_ptr<BlockingThreads> file_threads = BlockingThreads::create();
    /// For walking to Unix sockets, which may block as well. Separate threads, so that stuck ones
    /// leave room for file operations.
    std::shared_ptr<BlockingThreads> connect_threads = BlockingThreads::create();
    /// For what blocking threads have to say to the loop.
    std::shared_ptr<Mailbox> mailbox;
};

} // namespace msb::agent
