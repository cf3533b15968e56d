// What commands on sandboxes share: sandboxes, images, progress, signals.
#pragma once

#include "api/launcher.hpp"
#include "cli/context.hpp"
#include "cli/creation.hpp"
#include "cli/output.hpp"
#include "client/agent_client.hpp"
#include "image/store.hpp"
#include "sandbox/sandboxes.hpp"
#include "terminal/terminal.hpp"
#include "wire/session_messages.hpp"

#include <memory>
#include <optional>

namespace msb::cli {

/// Grace for a guest whose agent did not answer.
inline constexpr std::chrono::seconds unresponsive_grace{2};

/// While it lives, a signal that is to end us stops a loop.
struct DetachSignals {
    void operator()(SignalWatch* signals) const { signals->detach(); }
};
using SignalGuard = std::unique_ptr<SignalWatch, DetachSignals>;

class Session {
  public:
    static Result<Session> open(Context& context, bool quiet);

    Launcher& launcher() { return launcher_; }
    Sandboxes& sandboxes() { return launcher_.sandboxes(); }
    image::Store& store() { return launcher_.store(); }
    Snapshots& snapshots() { return launcher_.snapshots(); }
    Result<std::vector<std::string>> images_in_use() { return launcher_.images_in_use(); }
    Progress& progress() { return progress_; }
    SignalWatch& signals() { return signals_; }
    const Home& home() const { return launcher_.home(); }

    Result<image::PullResult> pull(const std::string& reference, const image::PullOptions& options);

    LaunchOptions launch_options();
    /// The steps of the launcher, with progress, its notices as warnings, and the ports that were
    /// chosen.
    Result<NewSandbox> prepare(const CreateRequest& request);
    Result<Running> create(NewSandbox& sandbox, const LaunchOptions& options);
    /// --error ... --trace of this command apply to this run of the sandbox, and so does MSB_KERNEL
    /// where its specification leaves the choice.
    Result<Running> start(SandboxSpec spec, LaunchOptions options);
    /// The same for a command that only needs it to run: nothing if it does, or if another command
    /// starts it at this moment. One that is ending is waited for, as start() does.
    Result<std::optional<Running>> start_if_stopped(const SandboxView& view,
                                                    const LaunchOptions& options);
    /// Stops what was started for a command of ours. The commands and copies of others that found
    /// it running finish first, new ones are refused. What was detached ends with its sandbox, and
    /// there is no waiting for an agent that does not answer, nor after a signal.
    Status end_temporary(const std::string& name);

    /// Connects to the agent of an active sandbox; one that is still coming up is waited for. If
    /// that fails and the sandbox left a boot error, report_failure() shows it. `limit` of the
    /// command that is to be run counts from here on: what is left of it afterwards.
    Result<std::unique_ptr<AgentClient>>
    connect_agent(EventLoop& loop, const std::string& name,
                  std::optional<std::chrono::milliseconds>* limit = nullptr);

    /// Prints a failed start as the typed block (stage, message, hint), anything else as usual, and
    /// sets the exit code: 130 or 143 after a signal, else 1.
    void report_failure(Context& context, const Error& error, const SandboxSpec& spec);

    /// SIGINT or SIGTERM that arrived while we waited.
    std::optional<int> interrupted() const { return interrupted_; }
    bool poll_interrupt();
    /// For those who run a loop until an answer comes: has to end before the loop does.
    Result<SignalGuard> stop_at_signal(EventLoop& loop);
    /// Called while waiting: keeps the progress line alive; true if the user has interrupted.
    bool tick();

  private:
    Result<Running> launched(Result<Running> running, const SandboxSpec& spec);
    Result<std::vector<wire::SessionInfo>> running_commands(const std::string& name);

    Session(Launcher launcher, bool quiet, SignalWatch signals, log::Level log_level)
        : launcher_(std::move(launcher)), quiet_(quiet), progress_(Progress::for_stderr(quiet)),
          signals_(std::move(signals)), log_level_(log_level) {}

    Launcher launcher_;
    bool quiet_;
    Progress progress_;
    SignalWatch signals_;
    log::Level log_level_;
    std::optional<int> interrupted_;
};

} // namespace msb::cli
