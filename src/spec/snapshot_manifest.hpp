// The descriptor of a snapshot: what it is a snapshot of, and its files.
//
// A snapshot is a directory with the descriptor, the disk, and a file for each storage that the source
// had to itself (--mount-owned). It is known by the SHA-256
// of the descriptor, so there is one way to write one down: the members in the order below, nothing
// between the tokens, and keys that people chose sorted. Any other text is refused, be it the same
// JSON document or not.
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"
#include "spec/mounts.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

/// A hash of a file's content, and how it was made.
struct SnapshotIntegrity {
    std::string algorithm;
    std::string root; ///< lower-case hex digits
    std::uint64_t logical_size = 0;
    std::uint64_t leaf_size = 0;
    bool operator==(const SnapshotIntegrity&) const = default;
};

/// A file beside the descriptor.
struct SnapshotPayload {
    std::string file;
    std::uint64_t size = 0; ///< bytes
    std::optional<SnapshotIntegrity> integrity;
};

/// Storage that the source had to itself: where it was mounted, and how. A disk is kept as it is, a
/// directory as a tar.
struct SnapshotStorage {
    Mount mount;
    SnapshotPayload payload;
};

struct SnapshotManifest {
    static constexpr std::uint64_t schema = 1;

    std::string created_at; ///< RFC 3339 in UTC, without zeros at the end of the fraction
    /// "sha256:<hex>" of the snapshot that the source was made from.
    std::optional<std::string> parent;
    std::string image;        ///< reference
    std::string image_digest; ///< "sha256:<hex>" of its manifest
    std::optional<std::string> source_sandbox;
    std::string fstype = "ext4";
    std::string upper_file = "upper.ext4"; ///< beside the descriptor
    std::uint64_t upper_size = 0;          ///< bytes
    std::optional<SnapshotIntegrity> integrity;
    std::map<std::string, std::string> labels;
    json::Value extensions = json::object(); ///< of others; kept as they are
    /// Extensions without which it cannot be used.
    std::vector<std::string> required;

    bool operator==(const SnapshotManifest&) const = default;

    /// The disk has the image's files itself, and is not above them. Said by a required extension, which
    /// keeps programs away that do not know of such disks.
    bool flat() const;
    void set_flat();
    /// A required extension, too: who restores a snapshot and leaves something out has restored nothing.
    std::vector<SnapshotStorage> storage() const;
    void set_storage(const std::vector<SnapshotStorage>& storage);
    /// All files, the disk first.
    std::vector<SnapshotPayload> payloads() const;
    /// Of what it requires, something that this version does not know.
    std::optional<std::string> unknown_requirement() const;

    /// The one text.
    std::string to_json() const;
    /// `corrupt` for what is not that text; `unsupported` for one of another schema, or of a kind
    /// that this version has no use for.
    static Result<SnapshotManifest> from_json(std::string_view text);
    /// "sha256:<hex>" of the text.
    std::string digest() const;
};

inline constexpr std::size_t max_snapshot_manifest_bytes = std::size_t{1} << 20;

/// Now, as `created_at` has it.
std::string snapshot_time(std::int64_t unix_ns);
/// Whether `text` is "sha256:" and 64 lower-case hex digits.
bool is_snapshot_digest(std::string_view text);

/// What a snapshot in the store may be called: no path, nothing that looks like one.
Status validate_snapshot_name(std::string_view name);

} // namespace msb
