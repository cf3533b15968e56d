// Storage that a sandbox has to itself (--mount-owned): a directory or a disk of its own for each such mount,
// which comes and goes with it. A fork gets copies, and a snapshot has copies as files.
#pragma once

#include "disk/sparse_copy.hpp"
#include "sandbox/home.hpp"
#include "spec/snapshot_manifest.hpp"
#include "spec/spec.hpp"

#include <map>
#include <string>

namespace msb {

/// By the guest's path, what new storage is a copy of: a disk, a directory, or a directory as a tar.
using StorageOrigins = std::map<std::string, std::string>;

bool has_owned_storage(const SandboxSpec& spec);

/// Of `sandbox`, which must not run.
StorageOrigins owned_storage_of(const Home& home, const SandboxSpec& sandbox);

/// Makes that of a new sandbox: empty, or a copy where there is an origin.
Status make_owned_storage(const Home& home, const SandboxSpec& spec, const StorageOrigins& origins,
                          const disk::Watch& watch);

/// Copies that of a sandbox, which must not run, into files in `directory`. Not durable.
Result<std::vector<SnapshotStorage>> keep_owned_storage(const Home& home,
                                                        const SandboxSpec& sandbox,
                                                        const std::string& directory,
                                                        const disk::Watch& watch);

} // namespace msb
