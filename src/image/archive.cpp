#include "image/archive.hpp"

#include "base/system.hpp"
#include "image/index.hpp"
#include "image/layer_tree.hpp"
#include "image/reference.hpp"
#include "image/sparse_writer.hpp"
#include "image/stream.hpp"
#include "json/text.hpp"
#include "tar/tar.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace msb::image {

namespace {

constexpr unsigned max_index_depth = 32;
constexpr unsigned max_indexes = 1024;
constexpr std::size_t max_member_names = std::size_t{64} << 20;
constexpr unsigned max_member_links = 8;

struct Member {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::string link; ///< Normalised path of another member, if this is a link to it.
};

/// "./a//b/../c" is "a/c".
Result<std::string> normalise(std::string_view path) {
    std::string result;
    for (const std::string_view part : MSB_TRY(split_path(path))) {
        if (!result.empty())
            result += '/';
        result += part;
    }
    return result;
}

std::unexpected<Error> missing(const std::string& path) {
    return fail(ErrorKind::corrupt, "the archive has no member '" + path + "'");
}

/// The members of a tar and where they are.
class Members {
  public:
    static Result<Members> scan(int fd, std::uint64_t size) {
        Members members(fd);
        FdSource source(fd, 0, size);
        TarReader tar(source);
        std::size_t names = 0;
        while (const auto entry = MSB_TRY(tar.next())) {
            std::string path = MSB_TRY(normalise(entry->path));
            names += path.size();
            if (members.members_.size() >= max_entries || names > max_member_names)
                return fail(ErrorKind::limit_exceeded, "the archive has too many members");
            Member member{.offset = tar.position(), .size = entry->size, .link = {}};
            if (entry->type == TarType::symlink) {
                const auto slash = path.rfind('/');
                const std::string base = slash == std::string::npos ? "" : path.substr(0, slash);
                member.link = MSB_TRY(normalise(base + "/" + entry->link));
            } else if (entry->type == TarType::hard_link) {
                member.link = MSB_TRY(normalise(entry->link));
            } else if (entry->type != TarType::file || entry->extents.size() > 1 ||
                       (entry->size > 0 && entry->extents[0].length != entry->size)) {
                continue; // directories; nobody stores blobs as sparse files
            }
            members.members_[std::move(path)] = std::move(member);
        }
        return members;
    }

    bool has(const std::string& path) const { return members_.contains(path); }

    Result<Member> find(const std::string& path) const {
        const std::string* name = &path;
        for (unsigned i = 0; i <= max_member_links; ++i) {
            const auto found = members_.find(*name);
            if (found == members_.end())
                return missing(path);
            if (found->second.link.empty())
                return found->second;
            name = &found->second.link;
        }
        return fail(ErrorKind::corrupt, "the archive's member '" + path + "' is a loop of links");
    }

    Result<std::string> read(const std::string& path) const {
        const Member member = MSB_TRY(find(path));
        if (member.size > max_document_size)
            return fail(ErrorKind::limit_exceeded,
                        "the archive's member '" + path + "' is larger than 16 MiB");
        std::string text(static_cast<std::size_t>(member.size), '\0');
        MSB_TRY(sys::pread_all(fd_, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()},
                               member.offset));
        return text;
    }

    /// A blob of an OCI layout, checked against its descriptor.
    Result<std::string> read_blob(const Descriptor& descriptor, const char* what) const {
        std::string text = MSB_TRY(read(blob_path(descriptor)));
        if (descriptor.size != text.size())
            return fail(ErrorKind::corrupt, std::string("the ") + what + " " +
                                                descriptor.digest.to_string() + " has " +
                                                std::to_string(text.size()) + " bytes instead of " +
                                                std::to_string(descriptor.size));
        if (Digest::of(as_bytes(text)) != descriptor.digest)
            return fail(ErrorKind::corrupt, std::string("the ") + what +
                                                " does not match its digest " +
                                                descriptor.digest.to_string());
        return text;
    }

    static std::string blob_path(const Descriptor& descriptor) {
        return "blobs/sha256/" + descriptor.digest.hex();
    }

  private:
    explicit Members(int fd) : fd_(fd) {}
    int fd_;
    std::map<std::string, Member> members_;
};

/// The digest that a member's name claims: "<hex>", "<hex>.json", "<hex>.tar", also below
/// blobs/sha256. Empty if it claims none.
Result<Digest> digest_in_name(const std::string& path) {
    const auto slash = path.rfind('/');
    std::string stem = slash == std::string::npos ? path : path.substr(slash + 1);
    if (const auto dot = stem.find('.'); dot != std::string::npos)
        stem.resize(dot);
    return is_sha256_hex(stem) ? Digest::parse("sha256:" + stem) : Digest();
}

// A docker-archive has no manifest, but images are named by one here, so make one from its content.
std::string invent_manifest(const std::string& configuration,
                            const std::vector<Descriptor>& layers) {
    Json json{{"schemaVersion", 2},
              {"mediaType", "application/vnd.docker.distribution.manifest.v2+json"},
              {"config",
               {{"mediaType", "application/vnd.docker.container.image.v1+json"},
                {"size", configuration.size()},
                {"digest", Digest::of(as_bytes(configuration)).to_string()}}},
              {"layers", json::array()}};
    for (const Descriptor& layer : layers)
        json["layers"].push_back(Json{{"mediaType", layer.media_type},
                                      {"size", layer.size},
                                      {"digest", layer.digest.to_string()}});
    return json::to_text(json);
}

Result<ImagePlan> read_docker_image(const Members& members, const Json& item,
                                    const Platform& platform) {
    const std::string config_name = MSB_TRY(normalise(json_string(item, "Config")));
    if (config_name.empty())
        return fail(ErrorKind::corrupt, "manifest.json names no configuration");
    std::string configuration = MSB_TRY(members.read(config_name));
    const Digest claimed = MSB_TRY(digest_in_name(config_name));
    if (!claimed.empty() && claimed != Digest::of(as_bytes(configuration)))
        return fail(ErrorKind::corrupt,
                    "the image configuration does not match its digest " + claimed.to_string());
    const auto parsed = MSB_TRY(
        parse_configuration(MSB_TRY(parse_json_object(configuration, "image configuration"))));
    const auto names = json_strings(item, "Layers");
    if (names.size() != parsed.diff_ids.size())
        return fail(ErrorKind::corrupt, "manifest.json has " + std::to_string(names.size()) +
                                            " layers, the configuration " +
                                            std::to_string(parsed.diff_ids.size()));
    if (names.size() > max_layers)
        return fail(ErrorKind::limit_exceeded, "the image has too many layers");
    Manifest manifest{
        .config = {.digest = Digest::of(as_bytes(configuration)), .size = configuration.size()}};
    std::vector<std::uint64_t> offsets;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const Member member = MSB_TRY(members.find(MSB_TRY(normalise(names[i]))));
        manifest.layers.push_back({.media_type = "application/vnd.docker.image.rootfs.diff.tar",
                                   .digest = parsed.diff_ids[i],
                                   .size = member.size});
        offsets.push_back(member.offset);
    }
    std::string text = invent_manifest(configuration, manifest.layers);
    ImagePlan plan =
        MSB_TRY(make_plan(manifest, std::move(text), std::move(configuration), platform));
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        plan.layers[i].offset = offsets[i];
        plan.layers[i].blob_digest = Digest(); // the layer may be stored compressed
    }
    for (const std::string& tag : json_strings(item, "RepoTags"))
        if (tag != "<none>:<none>")
            plan.references.push_back(MSB_TRY(Reference::parse(tag)).to_string());
    return plan;
}

/// What manifest.json calls an image, for messages.
std::string docker_name(const Json& item) {
    const auto tags = json_strings(item, "RepoTags");
    return tags.empty() ? json_string(item, "Config") : tags.front();
}

using ImagePlans = std::vector<Result<ImagePlan>>;

Result<ImagePlans> read_docker_archive(const Members& members, const Platform& platform) {
    const std::string text = MSB_TRY(members.read("manifest.json"));
    const Json document = MSB_TRY(parse_json_object("{\"images\":" + text + "}", "manifest.json"));
    const Json& items = json_member(document, "images");
    if (!items.is_array() || items.elements().empty())
        return fail(ErrorKind::corrupt, "manifest.json lists no image");
    if (items.elements().size() > max_indexes)
        return fail(ErrorKind::limit_exceeded, "manifest.json lists too many images");
    ImagePlans plans;
    for (const Json& item : items.elements()) {
        auto plan = read_docker_image(members, item, platform);
        if (!plan)
            plan = fail(std::move(plan).error().wrap("image '" + docker_name(item) + "'"));
        plans.push_back(std::move(plan));
    }
    return plans;
}

/// A layout's name may be the image's ("alpine", "host/alpine:3") or only a tag, if the tool knew
/// no more. "latest" and version numbers are never an image's name.
bool is_only_a_tag(std::string_view name) {
    if (name.find_first_of("/:@") != std::string_view::npos)
        return false;
    const bool version = name.starts_with('v') && name.size() > 1;
    const char first = name[version ? 1 : 0];
    return name == "latest" || (first >= '0' && first <= '9');
}

class OciLayout {
  public:
    OciLayout(const Members& members, const Platform& platform)
        : members_(members), platform_(platform) {}

    Result<ImagePlans> read() {
        const Json layout =
            MSB_TRY(parse_json_object(MSB_TRY(members_.read("oci-layout")), "oci-layout"));
        if (json_string(layout, "imageLayoutVersion") != "1.0.0")
            return fail(ErrorKind::unsupported, "the OCI layout is not version 1.0.0");
        const auto entries = MSB_TRY(parse_index(
            MSB_TRY(parse_json_object(MSB_TRY(members_.read("index.json")), "index.json"))));
        ImagePlans plans;
        std::optional<Error> mismatch;
        for (const IndexEntry& entry : entries) {
            if (entry.attestation || (entry.platform && !choose_platform({entry}, platform_)))
                continue;
            auto plan = image_of(entry.descriptor, 0);
            if (!plan && plan.error().kind() == ErrorKind::unsupported) {
                mismatch = std::move(plan).error();
                continue; // another platform without saying so in the index
            }
            if (plan && !entry.name.empty() && !is_only_a_tag(entry.name))
                if (const auto name = Reference::parse(entry.name))
                    plan->references.push_back(name->to_string());
            if (!plan)
                plan = fail(std::move(plan).error().wrap(
                    "image '" +
                    (entry.name.empty() ? entry.descriptor.digest.to_string() : entry.name) + "'"));
            plans.push_back(std::move(plan));
        }
        if (plans.empty() && mismatch)
            return fail(std::move(*mismatch));
        if (plans.empty())
            return fail(ErrorKind::unsupported,
                        "the archive has no image for " + platform_.to_string());
        return plans;
    }

  private:
    /// `unsupported` is an image for another platform, and nothing else.
    Result<ImagePlan> image_of(const Descriptor& descriptor, unsigned depth) {
        if (depth > max_index_depth || ++documents_ > max_indexes)
            return fail(ErrorKind::limit_exceeded, "the archive's indexes are nested too deeply");
        std::string text = MSB_TRY(members_.read_blob(descriptor, "image manifest"));
        const Json document = MSB_TRY(parse_json_object(text, "image manifest"));
        if (is_index(document)) {
            const auto entries = MSB_TRY(parse_index(document));
            const IndexEntry* chosen = choose_platform(entries, platform_);
            if (!chosen)
                return fail(ErrorKind::unsupported,
                            "the archive has no image for " + platform_.to_string());
            ImagePlan plan = MSB_TRY(image_of(chosen->descriptor, depth + 1));
            plan.index = descriptor.digest;
            return plan;
        }
        auto parsed = parse_manifest(document);
        if (!parsed)
            return fail(std::move(parsed).error().with_kind(ErrorKind::corrupt));
        const Manifest& manifest = *parsed;
        ImagePlan plan = MSB_TRY(make_plan(
            manifest, std::move(text),
            MSB_TRY(members_.read_blob(manifest.config, "image configuration")), platform_));
        for (std::size_t i = 0; i < plan.layers.size(); ++i) {
            const Member member = MSB_TRY(members_.find(Members::blob_path(manifest.layers[i])));
            if (member.size != plan.layers[i].size)
                return fail(ErrorKind::corrupt, "layer " + plan.layers[i].blob_digest.to_string() +
                                                    " has " + std::to_string(member.size) +
                                                    " bytes instead of " +
                                                    std::to_string(plan.layers[i].size));
            plan.layers[i].offset = member.offset;
        }
        return plan;
    }

    const Members& members_;
    const Platform& platform_;
    unsigned documents_ = 0;
};

} // namespace

Result<bool> is_plain_tar(int fd) {
    const struct stat info = MSB_TRY(sys::fstat(fd));
    if (!S_ISREG(info.st_mode))
        return false;
    std::array<std::uint8_t, 512> head{};
    const auto count = std::min<std::size_t>(head.size(), static_cast<std::size_t>(info.st_size));
    MSB_TRY(sys::pread_all(fd, MutableBytesView(head).first(count), 0));
    return as_text(BytesView(head).subspan(257, 5)) == "ustar";
}

Status spool_archive(Source& input, int output, std::uint64_t limit) {
    const auto plain = MSB_TRY(decompress(input));
    SparseWriter writer(output);
    Bytes buffer(std::size_t{1} << 20);
    std::uint64_t total = 0;
    while (total < limit) {
        const std::size_t count = MSB_TRY(plain->read(buffer));
        if (count == 0)
            break;
        MSB_TRY(writer.write(total, BytesView(buffer).first(count)));
        total += count;
    }
    return writer.finish(total);
}

Result<ImagePlans> read_archive(int fd, std::uint64_t size, const Platform& platform) {
    const Members members = MSB_TRY(Members::scan(fd, size));
    // Docker writes both since version 25; its manifest.json then has the names.
    if (members.has("manifest.json"))
        return read_docker_archive(members, platform);
    if (members.has("oci-layout"))
        return OciLayout(members, platform).read();
    return fail(ErrorKind::corrupt, "archive missing manifest.json or oci-layout");
}

} // namespace msb::image
