#include "archive/inventory.hpp"

#include "disk/ext4_options.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>

namespace msb::archive {

namespace {

constexpr std::string_view artifact = "snapshot-archive";
constexpr std::string_view changes_name = "changes";
/// Pieces of a guest's root disk are a whole number of these.
constexpr std::uint64_t block_size = 4096;
constexpr std::uint64_t max_layer_bytes = std::uint64_t{1} << 40;

std::unexpected<Error> corrupt(const std::string& what) {
    return fail(ErrorKind::corrupt, "the archive's inventory: " + what);
}

json::Value encode(const SnapshotItem& item) {
    json::Value changes;
    if (item.changes)
        changes = {{"base", item.changes->base}, {"content_hash", item.changes->content_hash}};
    json::Value document = {{"name", item.name},
                            {"descriptor", item.manifest.to_json()},
                            {"data_bytes", item.data_bytes},
                            {"changes", changes}};
    if (!item.storage_bytes.empty())
        document["storage_bytes"] =
            json::Array(item.storage_bytes.begin(), item.storage_bytes.end());
    return document;
}

json::Value encode(const ImageItem& image) {
    json::Value layers = json::array();
    for (const LayerItem& layer : image.layers)
        layers.push_back({{"index_bytes", layer.index_bytes}, {"data_bytes", layer.data_bytes}});
    return {{"reference", image.reference},
            {"manifest", image.manifest},
            {"configuration", image.configuration},
            {"layers", layers}};
}

Result<SnapshotItem> read_snapshot(const json::Value& value) {
    json::Reader reader(value);
    SnapshotItem item;
    reader.get("name", item.name);
    const auto descriptor = reader.get<std::string>("descriptor");
    reader.get("data_bytes", item.data_bytes);
    reader.get_if_there("storage_bytes", item.storage_bytes);
    if (!reader.member("changes").is_null()) {
        json::Reader changes(reader, "changes");
        item.changes.emplace();
        changes.get("base", item.changes->base);
        changes.get("content_hash", item.changes->content_hash);
    }
    MSB_TRY(reader.status());
    MSB_TRY(validate_snapshot_name(item.name));
    item.manifest = MSB_TRY(SnapshotManifest::from_json(descriptor));
    return item;
}

Result<ImageItem> read_image(const json::Value& value) {
    json::Reader reader(value);
    ImageItem image;
    reader.get("reference", image.reference);
    reader.get("manifest", image.manifest);
    reader.get("configuration", image.configuration);
    for (const json::Value& element : reader.list("layers")) {
        json::Reader layer(reader, element);
        image.layers.push_back(
            {layer.get<std::uint64_t>("index_bytes"), layer.get<std::uint64_t>("data_bytes")});
        if (image.layers.size() > max_layers)
            return corrupt("too many layers");
    }
    MSB_TRY(reader.status());
    return image;
}

Status check(const SnapshotItem& item) {
    const std::uint64_t size = item.manifest.upper_size;
    if (size < disk::min_size || size > disk::max_size || item.data_bytes > size)
        return corrupt("'" + item.name + "' has no size that a disk has");
    const std::vector<SnapshotStorage> storage = item.manifest.storage();
    if (storage.size() != item.storage_bytes.size())
        return corrupt("'" + item.name + "' has not the storage that its descriptor says");
    for (std::size_t i = 0; i < storage.size(); ++i)
        if (const std::uint64_t whole = storage[i].payload.size;
            whole > disk::max_size || item.storage_bytes[i] > whole)
            return corrupt("'" + item.name + "' has storage of no size that there is");
    if (item.changes && (!is_snapshot_digest(item.changes->base) ||
                         !is_snapshot_digest("sha256:" + item.changes->content_hash)))
        return corrupt("'" + item.name + "' does not say what it is a change of");
    return {};
}

Status check(const Inventory& inventory) {
    const auto& snapshots = inventory.snapshots;
    if (snapshots.empty() || snapshots.size() > max_snapshots)
        return corrupt("no number of snapshots that an archive has");
    for (std::size_t i = 0; i < snapshots.size(); ++i) {
        MSB_TRY(check(snapshots[i]));
        if (i > 0 && snapshots[i].manifest.parent != snapshots[i - 1].manifest.digest())
            return corrupt("'" + snapshots[i].name + "' does not come from the one before it");
    }
    if (snapshots.size() > 1 &&
        std::ranges::any_of(snapshots, [](const auto& item) { return item.changes.has_value(); }))
        return corrupt("changes, and more than one snapshot");
    if (inventory.image)
        for (const LayerItem& layer : inventory.image->layers)
            if (layer.index_bytes == 0 || layer.index_bytes > max_layer_bytes ||
                layer.data_bytes % block_size != 0 || layer.data_bytes > max_layer_bytes)
                return corrupt("a layer has no size that one has");
    return {};
}

} // namespace

std::vector<PayloadItem> SnapshotItem::payloads() const {
    const std::string parent = directory() + "/";
    std::vector<PayloadItem> all = {
        {parent + (changes ? std::string(changes_name) : manifest.upper_file), manifest.upper_size,
         data_bytes}};
    for (const auto& [mount, payload] : manifest.storage())
        all.push_back({parent + payload.file, payload.size, storage_bytes.at(all.size() - 1)});
    return all;
}

std::string layer_path(std::size_t number, std::string_view part) {
    return "image/" + std::to_string(number) + "." + std::string(part);
}

std::uint64_t Inventory::total_bytes() const {
    std::uint64_t total = 0;
    for (const SnapshotItem& item : snapshots) {
        total += item.data_bytes;
        for (const std::uint64_t bytes : item.storage_bytes)
            total += bytes;
    }
    if (image)
        for (const LayerItem& layer : image->layers)
            total += layer.index_bytes + layer.data_bytes;
    return total;
}

std::string Inventory::to_json() const {
    json::Value items = json::array();
    for (const SnapshotItem& item : snapshots)
        items.push_back(encode(item));
    json::Value document = {
        {"schema", schema}, {"artifact", artifact}, {"snapshots", items}, {"image", nullptr}};
    if (image)
        document["image"] = encode(*image);
    return json::to_text(document, 1) + "\n";
}

Result<Inventory> Inventory::from_json(std::string_view text) {
    const json::Value value = MSB_TRY_WRAP(json::parse(text), "the archive's inventory");
    json::Reader document(value);
    const auto version = document.get<std::uint64_t>("schema");
    if (!document.status() || document.get<std::string>("artifact") != artifact)
        return fail(ErrorKind::corrupt, "not an archive of snapshots");
    if (version != schema)
        return fail(ErrorKind::unsupported, "the archive has schema " + std::to_string(version) +
                                                ", which this msb does not know");
    Inventory inventory;
    for (const json::Value& element : document.list("snapshots")) {
        inventory.snapshots.push_back(
            MSB_TRY_WRAP(read_snapshot(element), "the archive's inventory"));
        if (inventory.snapshots.size() > max_snapshots)
            break;
    }
    if (!document.member("image").is_null())
        inventory.image =
            MSB_TRY_WRAP(read_image(document.member("image")), "the archive's inventory");
    MSB_TRY(document.status());
    MSB_TRY(check(inventory));
    return inventory;
}

} // namespace msb::archive
