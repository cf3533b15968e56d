#include "api/storage_json.hpp"

namespace msb {

namespace {

constexpr const char* image_note =
    "the bytes of images are those of layers, which several images can share";
constexpr const char* extent_note =
    "where the file system shares extents between files, less than this is on the disk";

json::Value item_json(const StorageItem& item) {
    return {{"name", item.name},
            {"path", item.path},
            {"logical_bytes", item.logical_bytes},
            {"allocated_bytes", item.allocated_bytes},
            {"in_use", item.in_use},
            {"reclaimable", item.reclaimable},
            {"reasons", item.reasons}};
}

const char* state_of(const PrunedItem& one, bool dry_run) {
    if (one.failure)
        return one.failure->kind() == ErrorKind::busy ? "in_use" : "error";
    return dry_run ? "reclaimable" : "removed";
}

} // namespace

json::Value usage_document(const std::vector<StorageItem>& items) {
    json::Value document = json::object();
    for (std::size_t i = 0; i < storage_kinds; ++i) {
        const auto kind = static_cast<StorageKind>(i);
        const StorageTotals totals = totals_of(items, kind);
        const bool image = kind == StorageKind::image;
        json::Value list = json::array();
        for (const StorageItem& item : items)
            if (item.kind == kind)
                list.push_back(item_json(item));
        document[to_string(kind)] = {{"count", totals.count},
                                     {"in_use", totals.in_use},
                                     {"logical_bytes", totals.logical},
                                     {"allocated_bytes", image ? json::Value() : totals.allocated},
                                     {"reclaimable_bytes", totals.reclaimable},
                                     {"items", list},
                                     {"notes", image ? json::array({image_note}) : json::array()}};
    }
    document["notes"] = json::array({extent_note});
    return document;
}

json::Value prune_document(const std::vector<PrunedItem>& items, bool dry_run) {
    json::Value list = json::array();
    for (const PrunedItem& one : items) {
        json::Value row = item_json(one.item);
        row["type"] = to_string(one.item.kind);
        row["state"] = state_of(one, dry_run);
        row["error"] = json::or_null(one.failure ? one.failure->to_string() : "");
        list.push_back(std::move(row));
    }
    const PruneOutcome outcome = count(items);
    return {{"dry_run", dry_run},
            {"items", list},
            {"removed", dry_run ? 0 : outcome.removed},
            {"bytes_reclaimed", dry_run ? 0 : outcome.bytes}};
}

} // namespace msb
