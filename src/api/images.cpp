#include "api/images.hpp"

#include "api/open_launcher.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <fcntl.h>

namespace msb::api {

namespace {

template <typename T> Outcome<T> about_image(Result<T> result, const std::string& reference) {
    if (!result)
        return fail(image_failure(std::move(result).error(), reference));
    if constexpr (std::is_void_v<T>)
        return {};
    else
        return std::move(*result);
}

/// Images that sandboxes and snapshots were made from stay.
Result<image::InUse> in_use(Launcher& launcher) {
    return [used = MSB_TRY(launcher.images_in_use())](const image::Digest& manifest) {
        return std::ranges::find(used, manifest.to_string()) != used.end();
    };
}

} // namespace

Outcome<std::vector<image::Image>> list_images() {
    Launcher launcher = MSB_TRY(open_launcher());
    return MSB_TRY(launcher.store().list());
}

Outcome<image::Image> get_image(const std::string& reference) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_image(launcher.store().get(reference), reference);
}

Outcome<image::PullResult> pull_image(const std::string& reference,
                                      const image::PullOptions& options, image::Progress* progress,
                                      Cancel* cancel) {
    Launcher launcher = MSB_TRY(open_launcher());
    PullProgress to(progress, cancel);
    return about_image(launcher.store().pull(reference, options, to), reference);
}

Outcome<std::vector<image::Image>> load_images(const std::string& path,
                                               const std::vector<std::string>& tags,
                                               image::Progress* progress, Cancel* cancel) {
    Launcher launcher = MSB_TRY(open_launcher());
    const OwnedFd archive = MSB_TRY_WRAP(sys::open(path, O_RDONLY), "cannot open the archive");
    PullProgress to(progress, cancel);
    auto loaded = MSB_TRY(about_image(launcher.store().load(archive.get(), tags, to), path));
    if (!loaded.failures.empty())
        return fail(image_failure(
            Error(loaded.failures.front())
                .wrap(std::to_string(loaded.failures.size()) + " of the archive's images"),
            path));
    return std::move(loaded.images);
}

Outcome<void> remove_image(const std::string& reference, bool force) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_image(launcher.store().remove(reference, MSB_TRY(in_use(launcher)), force),
                       reference);
}

Outcome<std::uint64_t> prune_images() {
    Launcher launcher = MSB_TRY(open_launcher());
    return MSB_TRY(launcher.store().collect(MSB_TRY(in_use(launcher))));
}

} // namespace msb::api
