// Cached images as JSON, the same on the command line and in the library.
#pragma once

#include "image/image.hpp"
#include "json/value.hpp"

namespace msb {

json::Value image_summary(const image::Image& image);
/// With the configuration and the layers. Text of an image may be any bytes.
json::Value image_details(const image::Image& image);

} // namespace msb
