// What a sandbox takes from its image where its user said nothing.
#pragma once

#include "image/image.hpp"
#include "spec/spec.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msb {

/// The user's words on what an image has defaults for, beside what is in the spec already.
struct UserChoice {
    std::vector<std::pair<std::string, std::string>> env; ///< over the image's
    std::optional<std::vector<std::string>> entrypoint;   ///< another one drops the image's CMD
    std::optional<std::vector<std::string>> cmd;
};

void merge_image(SandboxSpec& spec, const image::Image& image, const UserChoice& choice);

} // namespace msb
