// Makes, starts and reaches sandboxes, for the command line and the library alike. One object per
// command or call; cheap to make.
#pragma once

#include "api/image_defaults.hpp"
#include "client/agent_client.hpp"
#include "image/store.hpp"
#include "sandbox/sandboxes.hpp"
#include "sandbox/snapshots.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msb {

/// A sandbox as it was asked for.
struct CreateRequest {
    SandboxSpec spec; ///< the user's part, checked
    UserChoice choice;
    std::string image;    ///< reference; empty: the embedded default image
    std::string snapshot; ///< in place of an image: name, path or digest
    /// The spec's root disk was asked for; else it has the size of the snapshot's, if there is one.
    bool root_disk_given = false;
    /// Made on the new disk, in this order; not with a snapshot.
    std::vector<Patch> patches{};
    image::PullOptions pull;
    /// Stop and remove an existing sandbox of this name first, with this grace.
    std::optional<std::chrono::milliseconds> replace;
};

/// A sandbox that can be made: its image is in the cache, and the spec is complete.
struct NewSandbox {
    SandboxSpec spec;
    image::Image image;
    Sandboxes::Origin origin;
    /// Named ones of its mounts, held for it.
    std::optional<VolumeClaims> volumes;
};

class Launcher {
  public:
    /// Called about every 80 ms while a call waits; true ends the waiting (ErrorKind::cancelled).
    using Tick = std::function<bool()>;

    Launcher(const Home& home, const Installation& installation);

    Sandboxes& sandboxes() { return sandboxes_; }
    image::Store& store() { return store_; }
    Snapshots& snapshots() { return snapshots_; }
    const Home& home() const { return sandboxes_.home(); }
    const Installation& installation() const { return installation_; }
    /// Manifest digests that sandboxes and snapshots need.
    Result<std::vector<std::string>> images_in_use();
    /// Of a sandbox that there is, as it was when that was made.
    Result<image::Image> image_of(const SandboxSpec& spec);

    // A sandbox is made in steps, whose errors are about different things.
    /// Removes the sandbox that is to be replaced; already_exists if the name is taken otherwise.
    /// Done first, so that no image is pulled for nothing.
    Status make_room(const CreateRequest& request, const Tick& tick);
    /// Gets the image, and merges what it says with the request.
    Result<NewSandbox> prepare(const CreateRequest& request, image::Progress& progress);
    /// Finds or makes the named volumes. `which` is that of an error.
    Status claim_volumes(NewSandbox& sandbox, std::string* which = nullptr);
    Result<Running> create(NewSandbox& sandbox, const LaunchOptions& options);
    /// Prepares a stored sandbox, with the image it was made from.
    Result<Running> start(const SandboxSpec& spec, const LaunchOptions& options);

    /// Notices about how sandboxes run that were not shown for this MSB_HOME yet.
    std::vector<std::string> take_notices() { return std::exchange(notices_, {}); }
    /// Connects to the agent of an active sandbox; one that is still coming up is waited for. If
    /// that fails and the sandbox left a boot error, sandboxes().boot_error() has it.
    Result<std::unique_ptr<AgentClient>> connect_agent(EventLoop& loop, const std::string& name,
                                                       ConnectOptions options);

  private:
    Result<image::Image> resolve_image(const std::string& reference,
                                       const image::PullOptions& options,
                                       image::Progress& progress);
    Result<image::Image> image_of(const SnapshotManifest& manifest,
                                  const image::PullOptions& options, image::Progress& progress);
    Result<image::Image> image_of_directory(const std::string& path, image::Progress& progress);
    Result<NewSandbox> prepare_path(const CreateRequest& request, const RootPath& root);
    Status complete(NewSandbox& sandbox, const UserChoice& choice);
    Result<Running> noted(Result<Running> running);
    Status prepare_flat(NewSandbox& sandbox, image::Progress& progress);
    Result<NewSandbox> prepare_fork(const CreateRequest& request, image::Progress& progress);
    Result<EngineSelection> select_engine(const SandboxSpec& spec);
    Status replace(const std::string& name, std::chrono::milliseconds grace, const Tick& tick);

    Installation installation_;
    Sandboxes sandboxes_;
    image::Store store_;
    Snapshots snapshots_;
    std::vector<std::string> notices_;
};

} // namespace msb
