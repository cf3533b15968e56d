// The image cache of this MSB_HOME.
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"
#include "image/store.hpp"

#include <string>
#include <vector>

namespace msb::api {

Outcome<std::vector<image::Image>> list_images();
Outcome<image::Image> get_image(const std::string& reference);
Outcome<image::PullResult> pull_image(const std::string& reference,
                                      const image::PullOptions& options, image::Progress* progress,
                                      Cancel* cancel);
/// Loads an archive of the host. If some of its images are damaged the call fails, but the others
/// are loaded.
Outcome<std::vector<image::Image>> load_images(const std::string& path,
                                               const std::vector<std::string>& tags,
                                               image::Progress* progress, Cancel* cancel);
/// image_in_use, unless `force`.
Outcome<void> remove_image(const std::string& reference, bool force);
/// Bytes freed.
Outcome<std::uint64_t> prune_images();

} // namespace msb::api
