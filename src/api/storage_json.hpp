// What msb df and msb prune say as JSON, and the library with them.
#pragma once

#include "api/storage.hpp"
#include "json/value.hpp"

namespace msb {

/// {KIND: {"count", "in_use", "logical_bytes", "allocated_bytes", "reclaimable_bytes", "items",
/// "notes"}, ..., "notes"}
json::Value usage_document(const std::vector<StorageItem>& items);
/// {"dry_run", "items", "removed", "bytes_reclaimed"}
json::Value prune_document(const std::vector<PrunedItem>& items, bool dry_run);

} // namespace msb
