// The volumes of this MSB_HOME.
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"
#include "sandbox/volumes/users.hpp"
#include "sandbox/volumes/volumes.hpp"

#include <map>
#include <string>
#include <vector>

namespace msb::api {

/// An error of a call about the volume `name`.
Failure volume_failure(Error error, const std::string& name);

/// volume_already_exists.
Outcome<Volume> create_volume(const std::string& name, const VolumeRequest& request);
/// volume_not_found, or corrupt.
Outcome<Volume> get_volume(const std::string& name);
/// Newest first. Damaged ones are left out.
Outcome<std::vector<Volume>> list_volumes();
/// volume_in_use while a sandbox that runs has it mounted.
Outcome<void> remove_volume(const std::string& name);
/// volume_not_found, volume_already_exists, volume_in_use.
Outcome<Volume> clone_volume(const std::string& from, const std::string& to,
                             const std::map<std::string, std::string>& labels, Cancel* cancel);
Outcome<std::vector<PrunedVolume>> prune_volumes(const LabelSelector& labels, bool dry_run);

} // namespace msb::api
