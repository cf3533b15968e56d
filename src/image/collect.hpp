// Deleting what no image needs.
#pragma once

#include "image/layout.hpp"
#include "image/store.hpp"

namespace msb::image {

/// File names in a directory, sorted; empty if it cannot be read.
std::vector<std::string> list_directory(const std::string& path);

/// See Store::collect.
Result<std::uint64_t> collect_garbage(const Layout& layout, const InUse& in_use);

/// Deletes temporary files of killed commands, unless a pull or load is running.
void clean_temporary(const Layout& layout);

} // namespace msb::image
