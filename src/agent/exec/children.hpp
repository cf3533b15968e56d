// The processes that the agent started.
#pragma once

#include "agent/core/services.hpp"
#include "agent/exec/launch.hpp"

#include <memory>
#include <sys/types.h>
#include <unordered_map>

namespace msb::agent {

/// Is told how a process ended.
class Child {
  public:
    /// Reaped with this wait status.
    virtual void on_exit(int wait_status) = 0;

  protected:
    ~Child() = default;
};

class Children {
  public:
    explicit Children(Services& services) : services_(services) {}
    /// Ends the launches that are still on their way.
    ~Children();
    Children(const Children&) = delete;
    Children& operator=(const Children&) = delete;

    void add(pid_t pid, Child& child) { children_[pid] = &child; }
    void forget(pid_t pid) { children_.erase(pid); }
    bool contains(pid_t pid) const { return children_.contains(pid); }
    /// The child runs its own program now.
    void executed(pid_t pid) const;
    /// Keeps an abandoned launch until its child has left our memory.
    void adopt(std::unique_ptr<Launch> launch);
    /// Reaps ended children, including orphans that became ours. Call after SIGCHLD.
    void reap();

  private:
    Services& services_;
    std::unordered_map<pid_t, Child*> children_;
    std::unordered_map<int, std::unique_ptr<Launch>> adopted_;
};

} // namespace msb::agent
