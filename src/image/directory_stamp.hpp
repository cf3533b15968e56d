// Whether a directory is what it was, without reading its files.
#pragma once

#include "base/result.hpp"

#include <string>

namespace msb::image {

/// A digest of the names, modes, owners, sizes, numbers and times of change of all that is in it. The
/// same again: nothing of it has changed, because nobody can set a time of change. Empty if the last
/// one is so recent that another may follow without being seen.
Result<std::string> stamp_of_directory(const std::string& path);

} // namespace msb::image
