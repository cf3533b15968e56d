// What an image runs on: "linux/arm64/v8".
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace msb::image {

struct Platform {
    std::string os;
    std::string architecture;
    std::string variant; ///< Usually empty.

    /// This machine's. Guests are Linux, whatever the host is.
    static Platform host();
    /// "linux/amd64", "linux/arm/v7", "arm64".
    static Result<Platform> parse(std::string_view text);
    std::string to_string() const;
};

/// Whether an image or index entry for `offered` can be used for `wanted`. Fields that `offered`
/// leaves empty match anything.
bool fits(const Platform& offered, const Platform& wanted);

} // namespace msb::image
