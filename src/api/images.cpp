#include "api/images.hpp"

#include "api/open_host.hpp"
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

/// What sandboxes were made from stays.
Result<image::InUse> in_use(Host& host) {
    return [used = MSB_TRY(host.sandboxes().images_in_use())](const image::Digest& manifest) {
        return std::ranges::find(used, manifest.to_string()) != used.end();
    };
}

} // namespace

Outcome<std::vector<image::Image>> list_images() {
    Host host = MSB_TRY(open_host());
    return MSB_TRY(host.store().list());
}

Outcome<image::Image> get_image(const std::string& reference) {
    Host host = MSB_TRY(open_host());
    return about_image(host.store().get(reference), reference);
}

Outcome<image::PullResult> pull_image(const std::string& reference,
                                      const image::PullOptions& options, image::Progress* progress,
                                      Cancel* cancel) {
    Host host = MSB_TRY(open_host());
    PullProgress to(progress, cancel);
    return about_image(host.store().pull(reference, options, to), reference);
}

Outcome<std::vector<image::Image>> load_images(const std::string& path,
                                               const std::vector<std::string>& tags,
                                               image::Progress* progress, Cancel* cancel) {
    Host host = MSB_TRY(open_host());
    const OwnedFd archive = MSB_TRY_WRAP(sys::open(path, O_RDONLY), "cannot open the archive");
    PullProgress to(progress, cancel);
    auto loaded = MSB_TRY(about_image(host.store().load(archive.get(), tags, to), path));
    if (!loaded.failures.empty())
        return fail(image_failure(
            Error(loaded.failures.front())
                .wrap(std::to_string(loaded.failures.size()) + " of the archive's images"),
            path));
    return std::move(loaded.images);
}

Outcome<void> remove_image(const std::string& reference, bool force) {
    Host host = MSB_TRY(open_host());
    return about_image(host.store().remove(reference, MSB_TRY(in_use(host)), force), reference);
}

Outcome<std::uint64_t> prune_images() {
    Host host = MSB_TRY(open_host());
    return MSB_TRY(host.store().collect(MSB_TRY(in_use(host))));
}

} // namespace msb::api
