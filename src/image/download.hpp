// Layers from a registry, several at once, each streamed straight into a worker that stores it.
#pragma once

#include "image/importer.hpp"
#include "image/registry_client.hpp"

namespace msb::image {

/// Takes in every layer of `plan` that is not stored yet (all of them with `force`).
Status download_layers(const Layout& layout, RegistryClient& client, const ImagePlan& plan,
                       bool force, Progress& progress);

} // namespace msb::image
