#include "spec/snapshot_manifest.hpp"

#include "base/bytes.hpp"
#include "base/sha256.hpp"
#include "base/sizes.hpp"
#include "base/time.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"
#include "spec/mount_json.hpp"

#include <algorithm>
#include <set>

namespace msb {

namespace {

constexpr std::uint64_t max_json_integer = (std::uint64_t{1} << 53) - 1;
constexpr std::size_t max_name = 128;
constexpr std::string_view root_disk_extension = "msb.root_disk";
constexpr std::string_view storage_extension = "msb.owned_storage";
constexpr std::string_view storage_kind = "files";
constexpr std::string_view name_of_artifact = "snapshot";

/// Members in the order in which they are added.
class ObjectWriter {
  public:
    ObjectWriter& add(std::string_view key, const json::Value& value) {
        return add_text(key, json::to_text(value));
    }
    ObjectWriter& add(std::string_view key, ObjectWriter& object) {
        return add_text(key, object.text());
    }
    std::string text() { return text_ + "}"; }

  private:
    ObjectWriter& add_text(std::string_view key, const std::string& value) {
        text_ += text_.size() == 1 ? "\"" : ",\"";
        text_.append(key).append("\":").append(value);
        return *this;
    }
    std::string text_ = "{";
};

bool is_hex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// Beside the descriptor, and neither it nor something that others keep there.
bool is_payload_name(std::string_view name) {
    static constexpr std::array<std::string_view, 6> taken = {".",
                                                              "..",
                                                              "snapshot.json",
                                                              "manifest.json",
                                                              ".manifest.json.legacy",
                                                              ".snapshot-migration.lock"};
    return !name.empty() && name.size() <= 255 &&
           name.find_first_of(std::string_view("/\\:\0", 4)) == std::string_view::npos &&
           std::ranges::find(taken, name) == taken.end();
}

bool fits(const std::optional<SnapshotIntegrity>& integrity, std::uint64_t size) {
    return !integrity || (integrity->root.size() == 64 && is_hex(integrity->root) &&
                          integrity->logical_size == size && integrity->leaf_size > 0 &&
                          integrity->leaf_size <= max_json_integer);
}

Status check(const SnapshotManifest& manifest) {
    const auto wrong = [](const char* what) {
        return fail(ErrorKind::corrupt, std::string("its ") + what + " is not valid");
    };
    const auto time = parse_rfc3339(manifest.created_at);
    if (!time || snapshot_time(*time) != manifest.created_at)
        return wrong("time");
    if (manifest.parent && !is_snapshot_digest(*manifest.parent))
        return wrong("parent");
    if (manifest.image.empty() || !is_snapshot_digest(manifest.image_digest))
        return wrong("image");
    if (!is_payload_name(manifest.upper_file))
        return wrong("file name");
    if (manifest.upper_size == 0 || manifest.upper_size > max_json_integer)
        return wrong("size");
    if (!fits(manifest.integrity, manifest.upper_size))
        return wrong("integrity");
    const auto& required = manifest.required;
    if (!manifest.extensions.is_object() ||
        std::ranges::adjacent_find(required, std::greater_equal()) != required.end() ||
        !std::ranges::all_of(required,
                             [&](const auto& key) { return manifest.extensions.contains(key); }))
        return wrong("list of extensions");
    return {};
}

/// What is neither a disk nor in a format of ours may be a fine snapshot, of another program.
Status check_kind(json::Reader& document) {
    const auto unsupported = [](const std::string& what) {
        return fail(ErrorKind::unsupported, "the snapshot has " + what);
    };
    const auto schema = document.get<std::uint64_t>("schema");
    const auto artifact = document.get<std::string>("artifact");
    MSB_TRY(document.status());
    if (artifact != name_of_artifact)
        return fail(ErrorKind::corrupt, "not the descriptor of a snapshot");
    if (schema != SnapshotManifest::schema)
        return unsupported("schema " + std::to_string(schema) + ", which this msb does not know");
    const auto scope = document.get<std::string>("scope");
    json::Reader state(document, "state");
    const auto kind = state.get<std::string>("kind");
    MSB_TRY(document.status());
    if (scope != "disk" || kind != "file")
        return unsupported("more than a disk (scope " + scope + ", state " + kind + ")");
    const auto format = state.get<std::string>("format");
    const auto fstype = state.get<std::string>("fstype");
    MSB_TRY(document.status());
    if (format != "raw" || fstype != "ext4")
        return unsupported("a disk of format " + format + " with " + fstype);
    return {};
}

SnapshotIntegrity read_integrity(json::Reader item) {
    SnapshotIntegrity integrity;
    item.get("algorithm", integrity.algorithm);
    item.get("root", integrity.root);
    item.get("logical_size", integrity.logical_size);
    item.get("leaf_size", integrity.leaf_size);
    return integrity;
}

json::Value to_value(const std::optional<SnapshotIntegrity>& integrity) {
    if (!integrity)
        return nullptr;
    return {{"algorithm", integrity->algorithm},
            {"root", integrity->root},
            {"logical_size", integrity->logical_size},
            {"leaf_size", integrity->leaf_size}};
}

bool is_known(const json::Value& extensions, std::string_view name) {
    const json::Value* said = extensions.find(name);
    const json::Value* kind = said != nullptr ? said->find("kind") : nullptr;
    return kind != nullptr && ((name == root_disk_extension && *kind == json::Value("flat")) ||
                               (name == storage_extension && *kind == json::Value(storage_kind)));
}

void require(SnapshotManifest& manifest, std::string_view extension, json::Value said) {
    manifest.extensions[extension] = std::move(said);
    manifest.required.emplace_back(extension);
    std::ranges::sort(manifest.required);
}

Result<std::vector<SnapshotStorage>> read_storage(const json::Value& extensions) {
    std::vector<SnapshotStorage> storage;
    if (!is_known(extensions, storage_extension))
        return storage;
    json::Reader document(*extensions.find(storage_extension));
    for (const json::Value& element : document.list("storage")) {
        if (storage.size() == max_mounts)
            return fail(ErrorKind::corrupt, "it has more storage than a sandbox has mounts");
        json::Reader item(document, element);
        SnapshotStorage& one = storage.emplace_back();
        one.mount = mount_from_json({item, "mount"});
        item.get("file", one.payload.file);
        item.get("size_bytes", one.payload.size);
        if (!item.member("integrity").is_null())
            one.payload.integrity = read_integrity({item, "integrity"});
    }
    MSB_TRY(document.status());
    return storage;
}

Status check_storage(const SnapshotManifest& manifest) {
    std::vector<Mount> mounts;
    std::set<std::string> files = {manifest.upper_file};
    for (const auto& [mount, payload] : MSB_TRY(read_storage(manifest.extensions))) {
        const bool disk = mount.volume.kind == VolumeKind::disk;
        if (mount.kind != MountKind::owned || !mount.volume.kind ||
            !is_payload_name(payload.file) || !files.insert(payload.file).second ||
            payload.size == 0 || payload.size > max_json_integer ||
            (disk && (payload.size % mib != 0 || payload.size / mib != mount.volume.size_mib)) ||
            !fits(payload.integrity, payload.size))
            return fail(ErrorKind::corrupt, "its storage is not valid");
        mounts.push_back(mount);
    }
    const Status valid = validate_mounts(mounts);
    return valid ? Status() : fail(Error(valid.error()).with_kind(ErrorKind::corrupt));
}

} // namespace

bool SnapshotManifest::flat() const {
    return std::ranges::find(required, root_disk_extension) != required.end();
}

void SnapshotManifest::set_flat() {
    require(*this, root_disk_extension, {{"kind", "flat"}});
}

std::vector<SnapshotStorage> SnapshotManifest::storage() const {
    return read_storage(extensions).value_or(std::vector<SnapshotStorage>());
}

void SnapshotManifest::set_storage(const std::vector<SnapshotStorage>& storage) {
    json::Value list = json::array();
    for (const auto& [mount, payload] : storage)
        list.push_back({{"mount", mount_to_json(mount)},
                        {"file", payload.file},
                        {"size_bytes", payload.size},
                        {"integrity", to_value(payload.integrity)}});
    require(*this, storage_extension, {{"kind", storage_kind}, {"storage", list}});
}

std::vector<SnapshotPayload> SnapshotManifest::payloads() const {
    std::vector<SnapshotPayload> all = {{upper_file, upper_size, integrity}};
    for (SnapshotStorage& one : storage())
        all.push_back(std::move(one.payload));
    return all;
}

std::optional<std::string> SnapshotManifest::unknown_requirement() const {
    for (const std::string& name : required)
        if (!is_known(extensions, name))
            return name;
    return std::nullopt;
}

std::string SnapshotManifest::to_json() const {
    ObjectWriter image_object;
    image_object.add("ref", image).add("manifest_digest", image_digest);
    ObjectWriter integrity_object;
    if (integrity)
        integrity_object.add("algorithm", integrity->algorithm)
            .add("root", integrity->root)
            .add("logical_size", integrity->logical_size)
            .add("leaf_size", integrity->leaf_size);
    ObjectWriter upper;
    upper.add("file", upper_file).add("size_bytes", upper_size);
    if (integrity)
        upper.add("integrity", integrity_object);
    else
        upper.add("integrity", nullptr);
    ObjectWriter state;
    state.add("kind", "file").add("format", "raw").add("fstype", fstype).add("upper", upper);
    return ObjectWriter()
        .add("schema", schema)
        .add("artifact", name_of_artifact)
        .add("scope", "disk")
        .add("created_at", created_at)
        .add("parent", parent)
        .add("image", image_object)
        .add("source_sandbox", source_sandbox)
        .add("state", state)
        .add("labels", labels)
        .add("extensions", extensions)
        .add("requires", required)
        .text();
}

Result<SnapshotManifest> SnapshotManifest::from_json(std::string_view text) {
    if (text.size() > max_snapshot_manifest_bytes)
        return fail(ErrorKind::corrupt, "longer than 1 MiB");
    const json::Value value = MSB_TRY(json::parse(text));
    json::Reader document(value);
    MSB_TRY(check_kind(document));
    SnapshotManifest manifest;
    document.get("created_at", manifest.created_at);
    document.get("parent", manifest.parent);
    document.get("source_sandbox", manifest.source_sandbox);
    document.get("labels", manifest.labels);
    document.get("requires", manifest.required);
    manifest.extensions = document.member("extensions");
    json::Reader image(document, "image");
    image.get("ref", manifest.image);
    image.get("manifest_digest", manifest.image_digest);
    json::Reader state(document, "state");
    json::Reader upper(state, "upper");
    upper.get("file", manifest.upper_file);
    upper.get("size_bytes", manifest.upper_size);
    if (!upper.member("integrity").is_null())
        manifest.integrity = read_integrity({upper, "integrity"});
    MSB_TRY(document.status());
    MSB_TRY(check(manifest));
    MSB_TRY(check_storage(manifest));
    // Also members that we do not know, and some that are there twice.
    if (manifest.to_json() != text)
        return fail(ErrorKind::corrupt, "not written in the one way that a descriptor is");
    return manifest;
}

std::string SnapshotManifest::digest() const {
    return "sha256:" + sha256_hex(to_json());
}

std::string snapshot_time(std::int64_t unix_ns) {
    std::string text = format_rfc3339(unix_ns, 9, "");
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.'))
        text.pop_back();
    return text + "Z";
}

bool is_snapshot_digest(std::string_view text) {
    return text.size() == 71 && text.starts_with("sha256:") && is_hex(text.substr(7));
}

Status validate_snapshot_name(std::string_view name) {
    const auto wrong = [&](const char* rule) {
        return fail(ErrorKind::invalid_argument,
                    "invalid snapshot name '" + std::string(name) + "': " + rule);
    };
    if (name.empty() || name.size() > max_name)
        return wrong("it must have 1 to 128 bytes");
    if (name.starts_with('.') || name.starts_with('~'))
        return wrong("it must not begin with '.' or '~'");
    if (name.find_first_of("/\\:") != std::string_view::npos)
        return wrong("it must not contain '/', '\\' or ':'");
    if (valid_utf8_prefix(name) != name.size() ||
        std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        return wrong("it must be UTF-8 without control characters");
    return {};
}

} // namespace msb
