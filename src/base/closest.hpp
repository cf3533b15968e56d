// "Did you mean": finds the known word that an unknown one was meant to be.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace msb {

/// The candidate that `word` was most likely meant to be, by letters that are missing, superfluous,
/// swapped or wrong; none if all are too far away. The first of several that are equally close.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

} // namespace msb
