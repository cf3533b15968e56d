// What of this MSB_HOME takes room on the host's disk, and removing what nothing needs.
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"
#include "api/launcher.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace msb {

/// In the order in which they are listed.
enum class StorageKind {
    image,    ///< a reference; its bytes are those of layers, which others may share
    layer,    ///< of images, and what is merged from several
    sandbox,  ///< its writable disk
    snapshot, ///< in the store
    volume,   ///< a named one
    log,      ///< of a sandbox; rotated, so bounded
    cache,    ///< what is made again when it is needed
};
inline constexpr std::size_t storage_kinds = 7;
/// "images", "layers", ...
std::string_view to_string(StorageKind kind);
std::optional<StorageKind> parse_storage_kind(std::string_view text);

struct StorageItem {
    StorageKind kind = StorageKind::cache;
    std::string name;
    std::string path;
    std::uint64_t logical_bytes = 0;   ///< what reading all of it gives
    std::uint64_t allocated_bytes = 0; ///< on the host's disk; 0 for images
    bool in_use = false;               ///< by something that runs, or is kept
    bool reclaimable = false;          ///< prune_storage() may remove it
    std::vector<std::string> reasons;  ///< why it is in use: "sandbox 'web'"
    std::map<std::string, std::string> labels;
    std::int64_t time_ns = 0; ///< when it was made or last ran; Unix time, 0: not known
};

/// All of it, by kind and name. `tick` is called now and then; true ends the work (cancelled).
Result<std::vector<StorageItem>> storage_usage(Launcher& launcher, const Launcher::Tick& tick);

struct PruneRequest {
    /// None: images, layers and caches, which can all be had again.
    std::vector<StorageKind> kinds;
    LabelSelector labels;               ///< all have to be there; images and caches have none
    std::chrono::seconds older_than{0}; ///< of what has a time
    bool dry_run = false;               ///< only tells what would be removed
};

struct PrunedItem {
    StorageItem item;
    std::optional<Error> failure; ///< it is still there; busy: because something needs it by now
};

/// Removes what is reclaimable of these kinds. Whether it is needed is asked again for each one,
/// under its lock, right before it is removed. cancelled leaves the rest as it is.
Result<std::vector<PrunedItem>> prune_storage(Launcher& launcher, const PruneRequest& request,
                                              const Launcher::Tick& tick);

/// Sums of a kind.
struct StorageTotals {
    std::size_t count = 0, in_use = 0;
    std::uint64_t logical = 0, allocated = 0, reclaimable = 0;
};
StorageTotals totals_of(const std::vector<StorageItem>& items, StorageKind kind);

/// What is needed by now counts as if it had been needed before: it has not failed.
struct PruneOutcome {
    std::size_t removed = 0, failed = 0;
    std::uint64_t bytes = 0;
};
PruneOutcome count(const std::vector<PrunedItem>& items);

} // namespace msb

namespace msb::api {

Outcome<std::vector<StorageItem>> storage_usage(Cancel* cancel);
Outcome<std::vector<PrunedItem>> prune_storage(const PruneRequest& request, Cancel* cancel);

/// Makes a sandbox's root disk larger, also while it runs. False: from its next start on.
Outcome<bool> resize_root_disk(const std::string& name, std::uint64_t size_mib);

} // namespace msb::api
