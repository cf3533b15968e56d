// The volumes of this MSB_HOME.
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"
#include "api/files.hpp"
#include "sandbox/volumes/file_system.hpp"
#include "sandbox/volumes/users.hpp"
#include "sandbox/volumes/volumes.hpp"

#include <map>
#include <string>
#include <vector>

namespace msb::api {

Outcome<VolumeFileSystem> open_volume_files(const std::string& name);
/// Calls `body` with the files of a directory volume. An error is volume_not_found, or as of a sandbox's
/// files: path_not_found, filesystem, limit_exceeded; unsupported of a disk.
template <typename Body> auto with_volume_files(const std::string& name, Body body) {
    using Answer = decltype(body(std::declval<VolumeFileSystem&>()));
    using Wanted = Outcome<typename Answer::value_type>;
    auto files = open_volume_files(name);
    if (!files)
        return Wanted(std::unexpected(std::move(files).error()));
    auto answer = body(*files);
    if (!answer)
        return Wanted(std::unexpected(file_failure(std::move(answer).error())));
    if constexpr (std::is_void_v<typename Answer::value_type>)
        return Wanted();
    else
        return Wanted(std::move(*answer));
}

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
