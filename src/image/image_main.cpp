// The image helper: talks to registries and reads archives, so that `msb` itself neither links nor
// does any of it. helper.hpp describes the requests.
#include "base/file.hpp"
#include "base/system.hpp"
#include "image/archive.hpp"
#include "image/directory.hpp"
#include "image/helper.hpp"
#include "image/importer.hpp"
#include "image/layer_store.hpp"
#include "image/reference.hpp"
#include "image/registry.hpp"

#include <algorithm>
#include <fcntl.h>
#include <utility>

namespace msb::image {

namespace {

/// A plain tar that can be read at any offset: the input itself, or an unlinked copy.
Result<OwnedFd> seekable_archive(const Layout& layout, const Budget& budget) {
    if (MSB_TRY(is_plain_tar(helper_input)))
        return sys::dup(helper_input);
    const std::string path = layout.temporary_file("archive");
    OwnedFd copy = MSB_TRY(sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
    MSB_TRY(sys::unlink(path));
    const std::uint64_t limit = std::min(budget.max_image_bytes(), max_spooled_archive);
    const auto unpack = [&]() -> Result<Json> {
        FdSource input(helper_input);
        // One byte more than allowed is enough to know.
        MSB_TRY(spool_archive(input, copy.get(), limit + 1));
        return json::object();
    };
    MSB_TRY_WRAP(
        run_confined({helper_input, copy.get()}, unpack, [&] { return budget.check_space(); }),
        "cannot read the archive");
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(copy.get())).st_size);
    MSB_TRY_WRAP(budget.check_size(size), "cannot read the archive");
    if (size > limit)
        return fail(ErrorKind::limit_exceeded,
                    "the archive is larger than 64 GiB; give it unpacked, as a file");
    return copy;
}

/// Layers are parts of the archive.
class ArchiveFeed : public LayerFeed {
  public:
    explicit ArchiveFeed(int archive) : archive_(archive) {}
    Result<LayerInput> open(const PlannedLayer& layer) override {
        return LayerInput{.fd = MSB_TRY(sys::dup(archive_)), .offset = layer.offset};
    }

  private:
    int archive_;
};

/// A directory of the host, as an image that only who knows its manifest finds.
Result<Json> take_in_directory(const Json& request, Progress& progress) {
    const Layout layout(json_string(request, "home"));
    const std::string path = json_string(request, "path");
    MSB_TRY(layout.create_directories());
    const OwnedFd store = MSB_TRY(layout.lock_store_shared());
    const Budget budget = MSB_TRY(Budget::read(json_string(request, "home"), layout.root()));
    const std::string name = layout.temporary_file("directory");
    const OwnedFd archive = MSB_TRY(sys::open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    MSB_TRY(sys::unlink(name));
    progress.resolving(path);
    const ImagePlan plan = MSB_TRY(pack_directory(path, archive.get(), budget));
    progress.resolved(path, plan.layers.size(), plan.transported_bytes());
    ArchiveFeed feed(archive.get());
    MSB_TRY(store_layers(layout, plan, false, budget, feed, progress));
    MSB_TRY(publish_version(layout, plan, path, json_string(request, "stamp"), progress));
    return Json{{"manifest", Digest::of(as_bytes(plan.manifest)).to_string()}};
}

using ImagePlans = std::vector<Result<ImagePlan>>;

Result<ImagePlans> plan_archive(int archive) {
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(archive)).st_size);
    const Json answer = MSB_TRY(run_confined({archive}, [&]() -> Result<Json> {
        Json images = json::array();
        for (const auto& plan : MSB_TRY(read_archive(archive, size, Platform::host())))
            images.push_back(plan ? Json{{"plan", encode(*plan)}}
                                  : Json{{"error", encode_error(plan.error())}});
        return images;
    }));
    ImagePlans plans;
    for (const Json& item : answer.elements())
        plans.push_back(item.contains("error") ? fail(decode_error(json_member(item, "error")))
                                               : decode_plan(json_member(item, "plan")));
    if (plans.empty())
        return fail(ErrorKind::corrupt, "the archive holds no image");
    return plans;
}

/// An image's names: the archive's own, and for the first one the caller's.
Status name_image(ImagePlan& plan, const std::vector<std::string>& tags) {
    plan.references.insert(plan.references.end(), tags.begin(), tags.end());
    std::ranges::sort(plan.references);
    const auto [from, to] = std::ranges::unique(plan.references);
    plan.references.erase(from, to);
    if (plan.references.empty())
        return fail(
            Error(ErrorKind::invalid_argument, "the archive gives an image no name (or only a tag)")
                .with_hint("name it with --tag NAME[:TAG]"));
    return {};
}

class Loading {
  public:
    Loading(const Json& request, Progress& progress)
        : request_(request), layout_(json_string(request, "home")), progress_(progress) {}

    /// Takes in each image by itself: a damaged one does not keep the others out.
    Result<Json> run() {
        MSB_TRY(layout_.create_directories());
        const OwnedFd store = MSB_TRY(layout_.lock_store_shared());
        const Budget budget = MSB_TRY(Budget::read(json_string(request_, "home"), layout_.root()));
        const OwnedFd archive = MSB_TRY(seekable_archive(layout_, budget));
        auto plans = MSB_TRY(plan_archive(archive.get()));
        // An embedded image is the only one, and has exactly the name that it is asked for.
        if (is_embedded()) {
            plans.erase(plans.begin() + 1, plans.end());
            if (plans.front())
                plans.front()->references.clear();
        }
        Json references = json::array();
        Json failures = json::array();
        auto tags = json_strings(request_, "tags"); // for the first image, damaged or not
        for (auto& plan : plans) {
            const auto more = std::exchange(tags, {});
            const Status taken =
                plan ? take_in(*plan, more, archive.get(), budget) : fail(plan.error());
            if (!taken && plans.size() == 1)
                return fail(taken.error());
            if (!taken)
                failures.push_back(encode_error(taken.error()));
            else
                for (const std::string& reference : plan->references)
                    references.push_back(reference);
        }
        return Json{{"references", references}, {"failures", failures}};
    }

  private:
    bool is_embedded() const { return !json_string(request_, "source_stamp").empty(); }

    Status take_in(ImagePlan& plan, const std::vector<std::string>& tags, int archive,
                   const Budget& budget) {
        MSB_TRY(name_image(plan, tags));
        const std::string& name = plan.references.front();
        progress_.resolved(name, plan.layers.size(), plan.transported_bytes());
        ArchiveFeed feed(archive);
        const auto taken = [&]() -> Status {
            MSB_TRY(store_layers(layout_, plan, false, budget, feed, progress_));
            return publish(layout_, plan, false, json_string(request_, "source_stamp"), progress_);
        };
        MSB_TRY_WRAP(taken(), "image '" + name + "'");
        return {};
    }

    const Json& request_;
    Layout layout_;
    Progress& progress_;
};

Result<Json> pull(const Json& request, Progress& progress) {
    const Layout layout(json_string(request, "home"));
    MSB_TRY(layout.create_directories());
    const OwnedFd store = MSB_TRY(layout.lock_store_shared());
    const PullRequest pull{.reference =
                               MSB_TRY(Reference::parse(json_string(request, "reference"))),
                           .platform = MSB_TRY(Platform::parse(json_string(request, "platform"))),
                           .ca_certs = json_string(request, "ca_certs"),
                           .force = json_bool(request, "force"),
                           .insecure = json_bool(request, "insecure")};
    const Budget budget = MSB_TRY(Budget::read(json_string(request, "home"), layout.root()));
    return Json{{"cached", MSB_TRY(pull_image(layout, pull, budget, progress))}};
}

Result<Json> serve(JsonLines& lines) {
    const Json request = MSB_TRY(lines.next());
    ProgressWriter progress(helper_socket);
    const std::string operation = json_string(request, "operation");
    if (operation == "load")
        return Loading(request, progress).run();
    if (operation == "directory")
        return take_in_directory(request, progress);
    if (operation == "pull")
        return pull(request, progress);
    return fail(ErrorKind::invalid_argument, "unknown operation '" + operation + "'");
}

} // namespace

} // namespace msb::image

int main() {
    return msb::image::serve_helper(msb::image::serve);
}
