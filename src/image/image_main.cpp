// The image helper: what talks to registries and reads archives, so that `msb` itself neither links
// nor does any of it. See
// helper.hpp for how it is spoken to.
#include "base/file.hpp"
#include "base/system.hpp"
#include "image/archive.hpp"
#include "image/helper.hpp"
#include "image/importer.hpp"
#include "image/layer_store.hpp"
#include "image/reference.hpp"
#include "image/registry.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>

namespace msb::image {

namespace {

/// A plain tar that can be read at any offset: the input itself, or an unlinked copy.
Result<OwnedFd> seekable_archive(const Layout& layout) {
    if (MSB_TRY(is_plain_tar(helper_input)))
        return sys::dup(helper_input);
    const std::string path = layout.temporary_file("archive");
    OwnedFd copy = MSB_TRY(sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
    MSB_TRY(sys::unlink(path));
    MSB_TRY_WRAP(run_confined({helper_input, copy.get()},
                              [&]() -> Result<Json> {
                                  FdSource input(helper_input);
                                  MSB_TRY(spool_archive(input, copy.get()));
                                  return json::object();
                              }),
                 "cannot read the archive");
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

Result<std::vector<ImagePlan>> plan_archive(int archive) {
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(archive)).st_size);
    const Json answer = MSB_TRY(run_confined({archive}, [&]() -> Result<Json> {
        Json images = json::array();
        for (const ImagePlan& plan : MSB_TRY(read_archive(archive, size, Platform::host())))
            images.push_back(encode(plan));
        return images;
    }));
    std::vector<ImagePlan> plans;
    for (const Json& item : answer.elements())
        plans.push_back(MSB_TRY(decode_plan(item)));
    return plans;
}

/// Names for every image: the archive's own, and the caller's for the first.
Result<std::vector<std::string>> name_images(std::vector<ImagePlan>& plans, const Json& request) {
    if (plans.empty())
        return fail(ErrorKind::corrupt, "the archive holds no image");
    std::vector<std::string>& first = plans.front().references;
    // An embedded image has exactly the name that it is asked for.
    if (!json_string(request, "source_stamp").empty()) {
        plans.resize(1);
        first.clear();
    }
    for (const std::string& tag : json_strings(request, "tags"))
        first.push_back(tag);
    std::vector<std::string> all;
    for (ImagePlan& plan : plans) {
        std::ranges::sort(plan.references);
        const auto [from, to] = std::ranges::unique(plan.references);
        plan.references.erase(from, to);
        if (plan.references.empty())
            return fail(Error(ErrorKind::invalid_argument,
                              "the archive gives an image no name (or only a tag)")
                            .with_hint("name it with --tag NAME[:TAG]"));
        all.insert(all.end(), plan.references.begin(), plan.references.end());
    }
    return all;
}

Result<Json> load(const Json& request, Progress& progress) {
    const Layout layout(json_string(request, "home"));
    MSB_TRY(layout.create_directories());
    const OwnedFd store = MSB_TRY(layout.lock_store_shared());
    const OwnedFd archive = MSB_TRY(seekable_archive(layout));
    auto plans = MSB_TRY(plan_archive(archive.get()));
    const auto references = MSB_TRY(name_images(plans, request));
    for (const ImagePlan& plan : plans) {
        progress.resolved(plan.references.front(), plan.layers.size(), plan.transported_bytes());
        ArchiveFeed feed(archive.get());
        MSB_TRY(store_layers(layout, plan, false, feed, progress));
        MSB_TRY(publish(layout, plan, false, json_string(request, "source_stamp"), progress));
    }
    return Json{{"references", references}};
}

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
    return Json{{"cached", MSB_TRY(pull_image(layout, pull, progress))}};
}

Result<Json> serve(JsonLines& lines) {
    const Json request = MSB_TRY(lines.next());
    ProgressWriter progress(helper_socket);
    const std::string operation = json_string(request, "operation");
    if (operation == "load")
        return load(request, progress);
    if (operation == "pull")
        return pull(request, progress);
    return fail(ErrorKind::invalid_argument, "unknown operation '" + operation + "'");
}

} // namespace

} // namespace msb::image

int main() {
    using namespace msb::image;
    std::signal(SIGPIPE, SIG_IGN);
    // A Ctrl-C at the terminal goes to our parent too, which then ends us and says so.
    for (const int number : {SIGINT, SIGQUIT, SIGHUP})
        std::signal(number, SIG_IGN);
    JsonLines lines(helper_socket);
    const auto result = serve(lines);
    const Json answer =
        result ? Json{{"result", *result}} : Json{{"error", encode_error(result.error())}};
    return send_json(helper_socket, answer) ? 0 : 1;
}
