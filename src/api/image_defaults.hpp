// A sandbox's settings from its image, where the user gave none.
#pragma once

#include "image/image.hpp"
#include "spec/spec.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msb {

/// The user's values for settings that an image has defaults for, beside those already in the spec.
struct UserChoice {
    std::vector<std::pair<std::string, std::string>> env; ///< over the image's
    std::optional<std::vector<std::string>> entrypoint;   ///< another one drops the image's CMD
    std::optional<std::vector<std::string>> cmd;
    std::optional<std::uint32_t> metrics_interval_ms; ///< else it is as in config.json
};

void merge_image(SandboxSpec& spec, const image::Image& image, const UserChoice& choice);

} // namespace msb
