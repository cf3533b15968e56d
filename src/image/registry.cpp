#include "image/registry.hpp"

#include "image/fetcher.hpp"
#include "image/importer.hpp"
#include "image/record.hpp"

namespace msb::image {

namespace {

constexpr unsigned max_index_depth = 4;

Status verify(std::string_view document, const Digest& digest, const std::string& what) {
    if (const Digest actual = Digest::of(as_bytes(document)); actual != digest)
        return fail(ErrorKind::corrupt, what + " does not match its digest: expected " +
                                            digest.to_string() + ", got " + actual.to_string());
    return {};
}

/// What a fetched document says: the entry for our platform if it is an index, else the
/// configuration of the image. Parsed in a worker.
struct Next {
    bool manifest = false;
    Digest digest;
};
Result<Next> follow(const std::string& document, const PullRequest& request) {
    const Json answer = MSB_TRY(run_confined({}, [&]() -> Result<Json> {
        const Json json = MSB_TRY(parse_json_object(document, "image manifest"));
        if (!is_index(json)) {
            const Manifest manifest = MSB_TRY(parse_manifest(json));
            return Json{{"configuration", manifest.config.digest.to_string()}};
        }
        const auto entries = MSB_TRY(parse_index(json));
        const IndexEntry* chosen = choose_platform(entries, request.platform);
        if (!chosen)
            return fail(Error(ErrorKind::unsupported, "image '" + request.reference.to_string() +
                                                          "' has no version for " +
                                                          request.platform.to_string())
                            .with_hint("it has: " + platforms_of(entries)));
        return Json{{"manifest", chosen->descriptor.digest.to_string()}};
    }));
    const bool manifest = answer.contains("manifest");
    return Next{manifest, MSB_TRY(Digest::parse(
                              json_string(answer, manifest ? "manifest" : "configuration")))};
}

Result<ImagePlan> plan_image(const std::string& manifest, const std::string& configuration,
                             const Platform& platform) {
    const Json answer = MSB_TRY(run_confined({}, [&]() -> Result<Json> {
        const Manifest parsed =
            MSB_TRY(parse_manifest(MSB_TRY(parse_json_object(manifest, "image manifest"))));
        return encode(MSB_TRY(make_plan(parsed, manifest, configuration, platform)));
    }));
    return decode_plan(answer);
}

/// Gets and checks everything about the image but its layers.
Result<ImagePlan> fetch_plan(Fetcher& fetcher, const PullRequest& request) {
    const Reference& reference = request.reference;
    std::string manifest = MSB_TRY(fetcher.manifest(
        reference.digest().empty() ? reference.tag() : reference.digest().to_string()));
    if (!reference.digest().empty())
        MSB_TRY(verify(manifest, reference.digest(), "image '" + reference.to_string() + "'"));
    Next next = MSB_TRY(follow(manifest, request));
    const Digest index = next.manifest ? Digest::of(as_bytes(manifest)) : Digest();
    for (unsigned depth = 0; next.manifest; ++depth) {
        if (depth == max_index_depth)
            return fail(ErrorKind::limit_exceeded, "the image's indexes are nested too deeply");
        manifest = MSB_TRY(fetcher.manifest(next.digest.to_string()));
        MSB_TRY(verify(manifest, next.digest, "image manifest"));
        next = MSB_TRY(follow(manifest, request));
    }
    const std::string configuration = MSB_TRY(fetcher.blob(next.digest));
    MSB_TRY(verify(configuration, next.digest, "image configuration"));
    ImagePlan plan = MSB_TRY(plan_image(manifest, configuration, request.platform));
    plan.references = {reference.to_string()};
    plan.index = index;
    return plan;
}

bool is_complete(const Layout& layout, const ImagePlan& plan) {
    auto record = read_record(layout.record(plan.references.front()));
    return record && record->image.manifest_digest == Digest::of(as_bytes(plan.manifest)) &&
           locate_disk(*record, layout);
}

} // namespace

Result<bool> pull_image(const Layout& layout, const PullRequest& request, const Budget& budget,
                        Progress& progress) {
    const std::string name = request.reference.to_string();
    progress.resolving(name);
    const auto fetcher = MSB_TRY(Fetcher::start(request));
    const ImagePlan plan = MSB_TRY(fetch_plan(*fetcher, request));
    progress.resolved(name, plan.layers.size(), plan.transported_bytes());
    if (!request.force && is_complete(layout, plan))
        return true;
    MSB_TRY(store_layers(layout, plan, request.force, budget, *fetcher, progress));
    MSB_TRY(publish(layout, plan, request.force, {}, progress));
    return false;
}

} // namespace msb::image
