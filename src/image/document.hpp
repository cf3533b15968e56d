// Manifests, indexes and configurations: OCI image-spec 1.1 and Docker's schema 2, which differ in
// media types only.
#pragma once

#include "image/image.hpp"
#include "image/json.hpp"
#include "image/platform.hpp"

#include <optional>

namespace msb::image {

constexpr std::size_t max_document_size = std::size_t{16} << 20;
constexpr std::size_t max_layers = 512;

struct Descriptor {
    std::string media_type;
    Digest digest;
    std::uint64_t size = 0;
};

struct Manifest {
    Descriptor config;
    std::vector<Descriptor> layers; ///< Bottom to top.
};

/// An entry of an index.
struct IndexEntry {
    Descriptor descriptor;
    std::optional<Platform> platform;
    bool attestation = false; ///< Signatures and the like: not an image.
    std::string name;         ///< From annotations: a full reference, a tag, or empty.
};

struct Configuration {
    Platform platform;
    std::string created;
    ImageConfig config;
    std::vector<Digest> diff_ids;
    std::vector<std::string> volumes; ///< Paths that are directories in every container of it.
};

/// Whether a document is an index (a "manifest list") rather than a manifest.
bool is_index(const Json& document);

Result<Manifest> parse_manifest(const Json& document);
Result<std::vector<IndexEntry>> parse_index(const Json& document);
Result<Configuration> parse_configuration(const Json& document);

/// The entry for `wanted`: one with exactly its variant before one that names none (or, if none is
/// wanted, any), then the first. An entry without a platform is taken if nothing else is there.
/// Null if none fits.
const IndexEntry* choose_platform(const std::vector<IndexEntry>& entries, const Platform& wanted);

/// What an index offers, for messages: "linux/amd64, linux/arm64/v8".
std::string platforms_of(const std::vector<IndexEntry>& entries);

/// One layer of an image that is to be stored.
struct PlannedLayer {
    Digest diff_id;
    Digest blob_digest; ///< Empty if the archive does not say.
    std::string media_type;
    std::uint64_t size = 0;   ///< Bytes as transported.
    std::uint64_t offset = 0; ///< Archives: where it is in the tar.
};

/// All that is needed to store an image except the layers' bytes.
struct ImagePlan {
    std::vector<std::string> references; ///< Normalised.
    Digest index;                        ///< What it was chosen from; empty if there is none.
    std::string manifest;                ///< As received.
    std::string configuration_text;      ///< As received.
    Configuration configuration;
    std::vector<PlannedLayer> layers;

    std::uint64_t transported_bytes() const;
};

/// Joins a manifest and its configuration. `corrupt` if they disagree about the layers,
/// `unsupported` if the image is for another platform.
Result<ImagePlan> make_plan(const Manifest& manifest, std::string manifest_text,
                            std::string configuration_text, const Platform& wanted);

// For the way from a worker to its parent.
Json encode(const ImagePlan& plan);
Result<ImagePlan> decode_plan(const Json& json);

} // namespace msb::image
