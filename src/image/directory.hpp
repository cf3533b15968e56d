// A directory of the host as an image of one layer.
#pragma once

#include "image/budget.hpp"
#include "image/document.hpp"

namespace msb::image {

/// Packs what is in it into `archive`, an empty file, which is the layer of the plan: as the root of a
/// machine (PackOptions::as_root).
Result<ImagePlan> pack_directory(const std::string& path, int archive, const Budget& budget);

} // namespace msb::image
