// A mount in documents: of a sandbox (spec.json), and of a snapshot that has what was mounted.
#pragma once

#include "json/reader.hpp"
#include "spec/mounts.hpp"

namespace msb {

json::Value mount_to_json(const Mount& mount);
/// What is wrong is reported by the reader's parent. Whether the mount makes sense is validate_mounts()'s.
Mount mount_from_json(json::Reader item);

} // namespace msb
