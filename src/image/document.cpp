#include "image/document.hpp"

#include "base/bytes.hpp"
#include "image/record.hpp"

#include <algorithm>

namespace msb::image {

namespace {

Result<Descriptor> parse_descriptor(const Json& json, const char* what) {
    auto digest = Digest::parse(json_string(json, "digest"));
    if (!digest)
        return fail(std::move(digest)
                        .error()
                        .wrap(std::string("bad ") + what + " digest")
                        .with_kind(ErrorKind::corrupt));
    return Descriptor{.media_type = json_string(json, "mediaType"),
                      .digest = std::move(*digest),
                      .size = json_unsigned(json, "size")};
}

Platform parse_platform(const Json& json) {
    return Platform{.os = json_string(json, "os"),
                    .architecture = json_string(json, "architecture"),
                    .variant = json_string(json, "variant")};
}

Status check_schema(const Json& document, const char* what) {
    if (const auto version = json_unsigned(document, "schemaVersion"); version != 2)
        return fail(version == 1 ? ErrorKind::unsupported : ErrorKind::corrupt,
                    std::string(what) + " has schema version " + std::to_string(version) +
                        "; only 2 is supported");
    return {};
}

// What a sandbox runs and as which user is never guessed: a "User" that is not text must not become
// root. A member may be absent, or null.

/// Null if there is none.
const Json* member(const Json& object, const char* key) {
    const Json* found = object.find(key);
    return found && !found->is_null() ? found : nullptr;
}

std::unexpected<Error> wrong_type(const char* key, const char* expected) {
    return fail(ErrorKind::corrupt,
                std::string("the image configuration's ") + key + " is not " + expected);
}

Result<std::string> read_text(const Json& config, const char* key) {
    if (const Json* value = member(config, key); value && !value->is_text())
        return wrong_type(key, "text");
    return json_string(config, key);
}

Result<std::vector<std::string>> read_list(const Json& config, const char* key) {
    auto list = json_strings(config, key);
    const Json* value = member(config, key);
    if (value && (!value->is_array() || value->elements().size() != list.size()))
        return wrong_type(key, "a list of texts");
    return list;
}

/// Docker takes a single text for a list of one.
Result<std::vector<std::string>> read_command(const Json& config, const char* key) {
    if (const Json* value = member(config, key); value && value->is_text())
        return std::vector{*value->text()};
    return read_list(config, key);
}

Json encode(const PlannedLayer& layer) {
    return Json{{"diff_id", layer.diff_id.to_string()},
                {"blob_digest", layer.blob_digest.to_string()},
                {"media_type", layer.media_type},
                {"size", layer.size},
                {"offset", layer.offset}};
}

Result<std::string> decode_text(const Json& json, const char* key) {
    const auto bytes = from_base64(json_string(json, key));
    if (!bytes)
        return fail(ErrorKind::corrupt, "bad worker answer");
    return std::string(as_text(*bytes));
}

} // namespace

bool is_index(const Json& document) {
    const std::string type = json_string(document, "mediaType");
    if (type == "application/vnd.oci.image.index.v1+json" ||
        type == "application/vnd.docker.distribution.manifest.list.v2+json")
        return true;
    return type.empty() && json_member(document, "manifests").is_array() &&
           !document.contains("config");
}

Result<Manifest> parse_manifest(const Json& document) {
    MSB_TRY(check_schema(document, "image manifest"));
    Manifest manifest{
        .config = MSB_TRY(parse_descriptor(json_member(document, "config"), "configuration")),
        .layers = {}};
    const Json& layers = json_member(document, "layers");
    if (!layers.is_array())
        return fail(ErrorKind::corrupt, "image manifest has no list of layers");
    if (layers.elements().size() > max_layers)
        return fail(ErrorKind::limit_exceeded,
                    "image has more than " + std::to_string(max_layers) + " layers");
    for (const Json& layer : layers.elements())
        manifest.layers.push_back(MSB_TRY(parse_descriptor(layer, "layer")));
    return manifest;
}

Result<std::vector<IndexEntry>> parse_index(const Json& document) {
    std::vector<IndexEntry> entries;
    const Json& manifests = json_member(document, "manifests");
    if (!manifests.is_array())
        return fail(ErrorKind::corrupt, "image index has no list of manifests");
    if (manifests.elements().size() > 1024)
        return fail(ErrorKind::limit_exceeded, "image index has more than 1024 manifests");
    for (const Json& item : manifests.elements()) {
        IndexEntry entry{.descriptor = MSB_TRY(parse_descriptor(item, "manifest"))};
        if (const Json& platform = json_member(item, "platform"); platform.is_object())
            entry.platform = parse_platform(platform);
        const Json& annotations = json_member(item, "annotations");
        entry.attestation =
            json_string(annotations, "vnd.docker.reference.type") == "attestation-manifest" ||
            (entry.platform && entry.platform->os == "unknown");
        // Docker writes the full name beside a bare tag.
        entry.name = json_string(annotations, "io.containerd.image.name");
        if (entry.name.empty())
            entry.name = json_string(annotations, "org.opencontainers.image.ref.name");
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<Configuration> parse_configuration(const Json& document) {
    Configuration result{.platform = parse_platform(document),
                         .created = json_string(document, "created"),
                         .config = {},
                         .diff_ids = {},
                         .volumes = {}};
    const Json& config = json_member(document, "config");
    if (member(document, "config") && !config.is_object())
        return wrong_type("config", "an object");
    result.config = {.env = MSB_TRY(read_list(config, "Env")),
                     .cmd = MSB_TRY(read_command(config, "Cmd")),
                     .entrypoint = MSB_TRY(read_command(config, "Entrypoint")),
                     .working_dir = MSB_TRY(read_text(config, "WorkingDir")),
                     .user = MSB_TRY(read_text(config, "User")),
                     .stop_signal = MSB_TRY(read_text(config, "StopSignal")),
                     .labels = {}};
    for (const auto& [key, value] : json_member(config, "Labels").members())
        if (const std::string* text = value.text())
            result.config.labels.emplace(key, *text);
    for (const auto& [path, nothing] : json_member(config, "Volumes").members())
        result.volumes.push_back(path);
    for (const Json& item : json_member(json_member(document, "rootfs"), "diff_ids").elements()) {
        const std::string* text = item.text();
        auto digest = Digest::parse(text ? *text : std::string());
        if (!digest)
            return fail(
                std::move(digest).error().wrap("bad diff_id").with_kind(ErrorKind::corrupt));
        result.diff_ids.push_back(std::move(*digest));
    }
    return result;
}

const IndexEntry* choose_platform(const std::vector<IndexEntry>& entries, const Platform& wanted) {
    const IndexEntry* inexact = nullptr;
    const IndexEntry* without_platform = nullptr;
    for (const IndexEntry& entry : entries) {
        if (entry.attestation)
            continue;
        if (!entry.platform) {
            if (!without_platform)
                without_platform = &entry;
            continue;
        }
        if (entry.platform->os != wanted.os ||
            entry.platform->architecture != wanted.architecture || !fits(*entry.platform, wanted))
            continue;
        if (entry.platform->variant == wanted.variant)
            return &entry;
        if (!inexact)
            inexact = &entry;
    }
    return inexact ? inexact : without_platform;
}

std::string platforms_of(const std::vector<IndexEntry>& entries) {
    constexpr std::size_t most = 20;
    std::vector<std::string> names;
    for (const IndexEntry& entry : entries)
        if (!entry.attestation && entry.platform)
            names.push_back(entry.platform->to_string());
    std::ranges::sort(names);
    const auto repeated = std::ranges::unique(names);
    names.erase(repeated.begin(), repeated.end());
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < most; ++i)
        text += (i == 0 ? "" : ", ") + names[i];
    return names.empty() ? "none" : names.size() > most ? text + ", ..." : text;
}

std::uint64_t ImagePlan::transported_bytes() const {
    std::uint64_t total = 0; // only for progress; a registry may send any number
    for (const PlannedLayer& layer : layers)
        total += layer.size;
    return total;
}

Result<ImagePlan> make_plan(const Manifest& manifest, std::string manifest_text,
                            std::string configuration_text, const Platform& wanted) {
    ImagePlan plan;
    plan.configuration = MSB_TRY(
        parse_configuration(MSB_TRY(parse_json_object(configuration_text, "image configuration"))));
    const Platform& platform = plan.configuration.platform;
    if (!fits(platform, {wanted.os, wanted.architecture, {}}))
        return fail(ErrorKind::unsupported,
                    "the image is for " + platform.to_string() + ", not " + wanted.to_string());
    if (plan.configuration.diff_ids.size() != manifest.layers.size())
        return fail(ErrorKind::corrupt, "the manifest has " +
                                            std::to_string(manifest.layers.size()) +
                                            " layers, the configuration " +
                                            std::to_string(plan.configuration.diff_ids.size()));
    for (std::size_t i = 0; i < manifest.layers.size(); ++i)
        plan.layers.push_back({.diff_id = plan.configuration.diff_ids[i],
                               .blob_digest = manifest.layers[i].digest,
                               .media_type = manifest.layers[i].media_type,
                               .size = manifest.layers[i].size});
    plan.manifest = std::move(manifest_text);
    plan.configuration_text = std::move(configuration_text);
    return plan;
}

Json encode(const ImagePlan& plan) {
    const Configuration& configuration = plan.configuration;
    Json json{{"references", plan.references},
              {"index", plan.index.to_string()},
              {"manifest", to_base64(as_bytes(plan.manifest))},
              {"configuration", to_base64(as_bytes(plan.configuration_text))},
              {"os", configuration.platform.os},
              {"architecture", configuration.platform.architecture},
              {"variant", configuration.platform.variant},
              {"created", configuration.created},
              {"config", encode(configuration.config)},
              {"volumes", configuration.volumes},
              {"layers", json::array()}};
    for (const PlannedLayer& layer : plan.layers)
        json["layers"].push_back(encode(layer));
    return json;
}

Result<ImagePlan> decode_plan(const Json& json) {
    ImagePlan plan;
    plan.references = json_strings(json, "references");
    if (const std::string index = json_string(json, "index"); !index.empty())
        plan.index = MSB_TRY(Digest::parse(index));
    plan.manifest = MSB_TRY(decode_text(json, "manifest"));
    plan.configuration_text = MSB_TRY(decode_text(json, "configuration"));
    plan.configuration.platform = parse_platform(json);
    plan.configuration.created = json_string(json, "created");
    plan.configuration.config = decode_config(json_member(json, "config"));
    plan.configuration.volumes = json_strings(json, "volumes");
    for (const Json& item : json_member(json, "layers").elements()) {
        PlannedLayer layer{.diff_id = MSB_TRY(Digest::parse(json_string(item, "diff_id"))),
                           .media_type = json_string(item, "media_type"),
                           .size = json_unsigned(item, "size"),
                           .offset = json_unsigned(item, "offset")};
        if (const std::string digest = json_string(item, "blob_digest"); !digest.empty())
            layer.blob_digest = MSB_TRY(Digest::parse(digest));
        plan.configuration.diff_ids.push_back(layer.diff_id);
        plan.layers.push_back(std::move(layer));
    }
    return plan;
}

} // namespace msb::image
