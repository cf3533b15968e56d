// Makes an image of stored layers: merged metadata, documents, records. Runs in the helper program.
#pragma once

#include "image/document.hpp"
#include "image/layout.hpp"
#include "image/progress.hpp"

namespace msb::image {

/// Merges the stored layers of `plan` (unless that was done before) and writes documents and one
/// record per reference.
Status publish(const Layout& layout, const ImagePlan& plan, bool force,
               const std::string& source_stamp, Progress& progress);

/// The same for one that has no name: only who knows its manifest finds it (Store::get_version).
Status publish_version(const Layout& layout, const ImagePlan& plan, const std::string& reference,
                       const std::string& source_stamp, Progress& progress);

} // namespace msb::image
