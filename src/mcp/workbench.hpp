// What the calls of one client have in common: the sandboxes that it made and uses, commands that go on
// between calls, interpreters, and what it may reach on the host.
#pragma once

#include "api/sandbox.hpp"
#include "mcp/command.hpp"
#include "mcp/limits.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace msb::mcp {

class Workbench {
  public:
    static constexpr std::size_t max_sandboxes = 256;
    static constexpr std::size_t max_commands = 32;

    explicit Workbench(Limits limits) : limits_(std::move(limits)) {}

    /// Ends what was made here and does not go on by itself, and waits for that.
    ~Workbench();
    Workbench(const Workbench&) = delete;
    Workbench& operator=(const Workbench&) = delete;

    const Limits& limits() const { return limits_; }

    /// A running one of this MSB_HOME. Errors: sandbox_not_found, not_running.
    api::Outcome<std::shared_ptr<api::Sandbox>> sandbox(const std::string& name,
                                                        api::Cancel* cancel);
    /// One that was made or started here: unless it was detached, it ends with the workbench.
    api::Outcome<void> adopt(std::shared_ptr<api::Sandbox> sandbox);
    /// Before it is stopped or removed: its commands here end. What is returned may own its life.
    std::shared_ptr<api::Sandbox> let_go(const std::string& name);

    /// The number by which command() finds it.
    api::Outcome<std::string> keep(const std::string& sandbox, std::shared_ptr<Command> command);
    api::Outcome<std::shared_ptr<Command>> command(const std::string& id);
    void forget(const std::string& id);

    /// The Python of a sandbox, as it was left by the last call; one call at a time uses it.
    struct Interpreter {
        std::mutex turn;
        std::shared_ptr<Command> command; ///< null: it has to be started
        std::uint64_t cells = 0;
    };
    std::shared_ptr<Interpreter> interpreter(const std::string& sandbox);

    /// A path of the host without links in it, if it is in a directory that is allowed. Guests may write
    /// there: whoever opens it follows no links.
    api::Outcome<std::string> host_path(const std::string& path) const;

  private:
    struct Kept {
        std::string sandbox;
        std::shared_ptr<Command> command;
    };
    void drop_old();

    const Limits limits_;
    std::mutex mutex_; ///< of what follows
    std::map<std::string, std::shared_ptr<api::Sandbox>> sandboxes_;
    std::map<std::string, Kept> commands_;
    std::map<std::string, std::shared_ptr<Interpreter>> interpreters_;
    std::uint64_t last_id_ = 0;
};

} // namespace msb::mcp
