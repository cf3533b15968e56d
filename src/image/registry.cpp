#include "image/registry.hpp"

#include "image/download.hpp"
#include "image/record.hpp"
#include "image/registry_client.hpp"

namespace msb::image {

namespace {

constexpr unsigned max_index_depth = 4;

/// Parses a fetched document in a worker: either the manifest's entry for our platform, or null if
/// it is a manifest itself.
Result<std::optional<Descriptor>> choose_from_index(const FetchedDocument& document,
                                                    const PullRequest& request) {
    const Json answer = MSB_TRY(run_confined({}, [&]() -> Result<Json> {
        const Json json = MSB_TRY(parse_json_object(document.text, "image manifest"));
        if (!is_index(json))
            return Json::object();
        const auto entries = MSB_TRY(parse_index(json));
        const IndexEntry* chosen = choose_platform(entries, request.architecture);
        if (!chosen)
            return fail(ErrorKind::unsupported, "image '" + request.reference.to_string() +
                                                    "' has no version for linux/" +
                                                    request.architecture);
        return Json{{"digest", chosen->descriptor.digest.to_string()}};
    }));
    if (!answer.contains("digest"))
        return std::nullopt;
    return Descriptor{.digest = MSB_TRY(Digest::parse(json_string(answer, "digest")))};
}

Result<Descriptor> config_descriptor(const FetchedDocument& document) {
    const Json answer = MSB_TRY(run_confined({}, [&]() -> Result<Json> {
        const Manifest manifest =
            MSB_TRY(parse_manifest(MSB_TRY(parse_json_object(document.text, "image manifest"))));
        return Json{{"digest", manifest.config.digest.to_string()}};
    }));
    return Descriptor{.digest = MSB_TRY(Digest::parse(json_string(answer, "digest")))};
}

Result<ImagePlan> plan_image(const FetchedDocument& manifest, const FetchedDocument& configuration,
                             const std::string& architecture) {
    const Json answer = MSB_TRY(run_confined({}, [&]() -> Result<Json> {
        const Manifest parsed =
            MSB_TRY(parse_manifest(MSB_TRY(parse_json_object(manifest.text, "image manifest"))));
        return encode(MSB_TRY(make_plan(parsed, manifest.text, configuration.text, architecture)));
    }));
    return decode_plan(answer);
}

bool is_complete(const Layout& layout, const ImagePlan& plan, const Digest& manifest) {
    auto record = read_record(layout.record(plan.references.front()));
    return record && record->image.manifest_digest == manifest && locate_disk(*record, layout);
}

} // namespace

Result<bool> pull_image(const Layout& layout, const PullRequest& request, Progress& progress) {
    const std::string name = request.reference.to_string();
    progress.resolving(name);
    RegistryClient client(request);
    FetchedDocument manifest = MSB_TRY(client.resolve());
    for (unsigned depth = 0; const auto chosen = MSB_TRY(choose_from_index(manifest, request));
         ++depth) {
        if (depth == max_index_depth)
            return fail(ErrorKind::limit_exceeded, "the image's indexes are nested too deeply");
        manifest = MSB_TRY(client.manifest(*chosen));
    }
    const FetchedDocument configuration =
        MSB_TRY(client.blob(MSB_TRY(config_descriptor(manifest))));
    ImagePlan plan = MSB_TRY(plan_image(manifest, configuration, request.architecture));
    plan.references = {name};
    std::uint64_t total = 0;
    for (const PlannedLayer& layer : plan.layers)
        total += layer.size;
    progress.resolved(name, plan.layers.size(), total);
    if (!request.force && is_complete(layout, plan, manifest.digest))
        return true;
    MSB_TRY(download_layers(layout, client, plan, request.force, progress));
    MSB_TRY(publish(layout, plan, request.force, {}, progress));
    return false;
}

} // namespace msb::image
