// How much an image may take. A kilobyte can unpack to a gigabyte, so the unpacked bytes are
// counted, while they are unpacked.
//
// In the user's config.json:
//   {"images": {"max_image_mib": 65536, "keep_free_mib": 1024}}
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace msb::image {

class Budget {
  public:
    /// Reads the limits; `directory` is where images are kept.
    static Result<Budget> read(const std::string& home, std::string directory);

    /// One image, or an archive that has to be unpacked, may be this large.
    std::uint64_t max_image_bytes() const { return max_image_bytes_; }
    /// limit_exceeded, with the way to raise the limit.
    Status check_size(std::uint64_t bytes) const;
    /// no_space if less is free than is to stay free for others.
    Status check_space() const;

  private:
    Budget(std::string config, std::string directory)
        : config_(std::move(config)), directory_(std::move(directory)) {}

    std::string config_; ///< Path, for hints.
    std::string directory_;
    std::uint64_t max_image_bytes_ = std::uint64_t{64} << 30;
    /// None: a fiftieth of the file system, a gigabyte at most.
    std::optional<std::uint64_t> keep_free_bytes_;
};

} // namespace msb::image
