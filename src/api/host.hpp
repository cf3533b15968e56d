// What making, starting and reaching a sandbox takes, for whoever does it: the command line and the
// library. One object a command or call; cheap to make.
#pragma once

#include "client/agent_client.hpp"
#include "image/store.hpp"
#include "sandbox/sandboxes.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace msb {

class Host {
  public:
    /// Called about every 80 ms by whatever waits; true ends the waiting (ErrorKind::cancelled).
    using Tick = std::function<bool()>;

    Host(const Home& home, const Installation& installation);

    Sandboxes& sandboxes() { return sandboxes_; }
    image::Store& store() { return store_; }
    const Home& home() const { return sandboxes_.home(); }

    /// From the cache or the registry; an empty reference is the embedded default image.
    Result<image::Image> resolve_image(const std::string& reference,
                                       const image::PullOptions& options,
                                       image::Progress& progress);
    /// The image a stored sandbox was made from.
    Result<image::Image> image_of(const SandboxSpec& spec);
    /// Notices for people that were not given for this MSB_HOME yet go to `notices`.
    Result<EngineSelection> select_engine(const SandboxSpec& spec,
                                          std::vector<std::string>& notices);
    /// Stops (killing after `grace`) and removes the sandbox of this name, if there is one.
    Status replace(const std::string& name, std::chrono::milliseconds grace, const Tick& tick);
    /// Connects to the agent of an active sandbox; one that is still coming up is waited for. If
    /// that fails and the sandbox left a boot error, sandboxes().boot_error() has it.
    Result<std::unique_ptr<AgentClient>> connect_agent(EventLoop& loop, const std::string& name,
                                                       const ConnectOptions& options);

  private:
    Installation installation_;
    Sandboxes sandboxes_;
    image::Store store_;
};

} // namespace msb
