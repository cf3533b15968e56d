#include "image/budget.hpp"

#include "base/sizes.hpp"
#include "image/json.hpp"
#include "image/user_config.hpp"

#include <algorithm>
#include <sys/statvfs.h>

namespace msb::image {

namespace {

constexpr std::uint64_t max_mib = std::uint64_t{1} << 40;
constexpr std::uint64_t default_share = 50;
constexpr std::uint64_t default_keep_free = 1024 * mib;

/// A member in MiB, as bytes; nothing if it is absent.
Result<std::optional<std::uint64_t>> read_mib(const UserConfig& config, const char* key) {
    const Json& images = json_member(config.content, "images");
    const Json* member = images.find(key);
    if (!member)
        return std::nullopt;
    const auto value = member->unsigned_integer();
    if (!value || *value > max_mib)
        return fail(ErrorKind::invalid_argument, "configuration '" + config.path + "': images." +
                                                     key + " is not a number of MiB");
    return *value * mib;
}

std::string in_mib(std::uint64_t bytes) {
    return std::to_string(bytes / mib) + " MiB";
}

} // namespace

Result<Budget> Budget::read(const std::string& home, std::string directory) {
    const UserConfig config = MSB_TRY(read_user_config(home));
    Budget budget(config.path, std::move(directory));
    if (const auto most = MSB_TRY(read_mib(config, "max_image_mib")))
        budget.max_image_bytes_ = *most;
    budget.keep_free_bytes_ = MSB_TRY(read_mib(config, "keep_free_mib"));
    return budget;
}

Status Budget::check_size(std::uint64_t bytes) const {
    if (bytes <= max_image_bytes_)
        return {};
    return fail(Error(ErrorKind::limit_exceeded,
                      "the image is larger than " + in_mib(max_image_bytes_) + " unpacked")
                    .with_hint("set images.max_image_mib in " + config_ + " to allow more"));
}

Status Budget::check_space() const {
    struct statvfs info{};
    if (::statvfs(directory_.c_str(), &info) == -1)
        return fail_errno("statvfs", directory_);
    const std::uint64_t total = std::uint64_t{info.f_blocks} * info.f_frsize;
    const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
    const std::uint64_t keep =
        keep_free_bytes_.value_or(std::min(total / default_share, default_keep_free));
    if (free >= keep)
        return {};
    return fail(Error(ErrorKind::no_space, "no space left for images: " + in_mib(free) +
                                               " are free in '" + directory_ + "', and " +
                                               in_mib(keep) + " are to stay free")
                    .with_hint("remove images with: msb image rm NAME; or set "
                               "images.keep_free_mib in " +
                               config_));
}

} // namespace msb::image
