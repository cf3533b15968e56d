// The named volumes of a sandbox that is made or started: made where they are missing and may be, and
// held, so that nobody removes them meanwhile.
#pragma once

#include "sandbox/volumes/volumes.hpp"
#include "spec/mounts.hpp"

#include <string>
#include <vector>

namespace msb {

class VolumeClaims {
  public:
    explicit VolumeClaims(const Home& home) : volumes_(home) {}
    VolumeClaims(VolumeClaims&&) = default;
    VolumeClaims& operator=(VolumeClaims&&) = delete;
    /// What was made for this sandbox goes again, unless it was kept or somebody else has it by now.
    ~VolumeClaims();

    /// Adds the volume of one mount of kind `named`, as the mount's mode says, and writes down there what
    /// the volume is like. not_found, already_exists, or invalid_argument if it is not as it was
    /// asked for.
    Status add(Mount& mount);
    /// The sandbox is there, and so are its volumes from now on.
    void keep() { made_.clear(); }
    /// For whoever mounts the volumes, to hold as long as that lasts. Of each, one.
    std::vector<OwnedFd> share_locks() const;

  private:
    struct Claim {
        std::string name;
        OwnedFd lock; ///< shared
    };
    Result<Volume> claim(const Mount& mount);
    Status make(const std::string& name, const VolumeRequest& request);

    Volumes volumes_;
    std::vector<Claim> claims_;
    std::vector<std::string> made_;
};

} // namespace msb
