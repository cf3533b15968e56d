// Sandboxes that begin with another one's disk as it is at one moment.
#pragma once

#include "api/launcher.hpp"
#include "disk/sparse_copy.hpp"
#include "sandbox/staging.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb {

struct ForkRequest {
    std::string source;
    std::vector<std::string> names; ///< of the new ones
    /// A source that runs may stand still for as long as copying takes.
    bool copy_while_frozen = false;
};

/// The disk that all of them begin with, for as long as this lives.
class Fork {
  public:
    /// already_exists for a name that is taken, or given twice; busy if the source runs and copying its
    /// disk takes more than a moment. `watch` sees the copy.
    static Result<Fork> begin(Launcher& launcher, const ForkRequest& request,
                              const disk::Watch& watch);

    /// Like the source but for what there can only be one of.
    NewSandbox sandbox(const std::string& name) const;
    /// Ports that the source publishes stay with it.
    bool leaves_ports() const { return !spec_.network.published.empty(); }

  private:
    Fork(SandboxSpec spec, image::Image image, std::string disk)
        : spec_(std::move(spec)), image_(std::move(image)), disk_(std::move(disk)) {}

    SandboxSpec spec_;
    image::Image image_;
    std::string disk_;
    StorageOrigins storage_;
    std::optional<Sandboxes::Still> still_; ///< it is the sandbox's own
    std::optional<Staging> copy_;           ///< it is in there
};

} // namespace msb
