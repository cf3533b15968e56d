// What a snapshot archive holds. The archive is a tar, compressed by zstd or not, whose members have
// a fixed order:
//
//   archive.json                     the inventory: the document of this file
//   snapshots/<hex>/snapshot.json    for each snapshot, parents first: its descriptor, and its disk
//   snapshots/<hex>/<disk's file>    as a sparse file; "changes" in place of the disk's file if only
//                                    what differs from another snapshot's disk is there
//   snapshots/<hex>/<file>           the same of each storage that the source had to itself, always whole
//   image/<n>.index, image/<n>.data  for each layer of the image, if it comes along
//   checksums.json                   SHA-256 of each member before it (checksum.hpp)
//
// So `tar` unpacks a whole snapshot as a directory that can be used, and who reads an archive knows
// from its first member all that will follow, how large it is, and what it is not to be.
#pragma once

#include "base/result.hpp"
#include "spec/snapshot_manifest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::archive {

/// Of a disk of which the archive only has what differs from another one.
struct Changes {
    std::string base;         ///< digest of the snapshot whose disk that is
    std::string content_hash; ///< of the disk that results (disk/content_hash.hpp)
    bool operator==(const Changes&) const = default;
};

/// A file of a snapshot, as a member of the archive.
struct PayloadItem {
    std::string path;
    std::uint64_t size = 0;
    std::uint64_t data_bytes = 0; ///< of it, in the archive
};

struct SnapshotItem {
    std::string name;
    SnapshotManifest manifest;
    std::uint64_t data_bytes = 0;             ///< of the disk, in the archive
    std::vector<std::uint64_t> storage_bytes; ///< the same of each storage
    std::optional<Changes> changes;           ///< of the disk

    std::string directory() const { return "snapshots/" + manifest.digest().substr(7); }
    std::string descriptor_path() const { return directory() + "/snapshot.json"; }
    /// The disk, and then storage.
    std::vector<PayloadItem> payloads() const;
    bool operator==(const SnapshotItem&) const = default;
};

struct LayerItem {
    std::uint64_t index_bytes = 0;
    std::uint64_t data_bytes = 0; ///< 0: no such member
    bool operator==(const LayerItem&) const = default;
};

struct ImageItem {
    std::string reference;
    std::string manifest;          ///< as it was received
    std::string configuration;     ///< the same
    std::vector<LayerItem> layers; ///< bottom to top
    bool operator==(const ImageItem&) const = default;
};

struct Inventory {
    static constexpr std::uint64_t schema = 1;

    std::vector<SnapshotItem> snapshots; ///< parents first; the last is what was asked for
    std::optional<ImageItem> image;

    const SnapshotItem& head() const { return snapshots.back(); }
    /// Of all members that it describes.
    std::uint64_t total_bytes() const;
    std::string to_json() const;
    /// `corrupt` for anything that cannot be the inventory of an archive; `unsupported` for one of
    /// another schema.
    static Result<Inventory> from_json(std::string_view text);
    bool operator==(const Inventory&) const = default;
};

/// Of a layer's "index" or "data".
std::string layer_path(std::size_t number, std::string_view part);
inline constexpr std::string_view inventory_path = "archive.json";
inline constexpr std::string_view checksums_path = "checksums.json";
inline constexpr std::size_t max_inventory_bytes = std::size_t{64} << 20;
inline constexpr std::size_t max_snapshots = 256;
inline constexpr std::size_t max_layers = 512;

} // namespace msb::archive
