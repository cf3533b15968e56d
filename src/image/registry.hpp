// Pulling from a registry (OCI distribution-spec 1.1).
#pragma once

#include "image/budget.hpp"
#include "image/layout.hpp"
#include "image/platform.hpp"
#include "image/progress.hpp"
#include "image/reference.hpp"

namespace msb::image {

struct PullRequest {
    Reference reference;
    Platform platform;
    std::string ca_certs; ///< PEM file, or empty.
    bool force = false;
    bool insecure = false; ///< Plain HTTP.
};

/// Stores the image under its reference. True if everything was there already.
Result<bool> pull_image(const Layout& layout, const PullRequest& request, const Budget& budget,
                        Progress& progress);

} // namespace msb::image
