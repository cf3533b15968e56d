// A root disk that grows while its guest runs: the command that wants it so has made the file larger;
// here the device gets its new size, and the agent is asked to extend the file system.
#include "base/log.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "runtime/runtime.hpp"

namespace msb {

namespace {
constexpr const char* growing = "growing";
} // namespace

/// A file of the user's has the size that it has.
bool Runtime::has_growing_disk() const {
    return config_.disk && config_.spec.root == RootSource::image && config_.spec.root_disk.owned();
}

Status Runtime::begin_growth(const wire::HostRootDiskGrow& request) {
    if (!control_ || !ready_ || shutting_down_)
        return fail(ErrorKind::busy, "the guest is starting or ending");
    if (!has_growing_disk())
        return fail(ErrorKind::unsupported, "its root disk is not msb's");
    if (growth_.state == growing && growth_.size_mib != request.size_mib)
        return fail(ErrorKind::busy, "its root disk is being given another size");
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(launch_fd_upper)).st_size);
    if (request.size_mib > size / mib)
        return fail(ErrorKind::invalid_argument, "the file of its root disk is smaller than that");
    growth_ = {request.size_mib, growing, {}};
    upper_thread_->change_config([disk = upper_disk_.get(), size] {
        if (const Status grown = disk->grow(size); !grown)
            log::error("the root disk does not grow: {}", grown.error().to_string());
    });
    control_->send(wire::RootDiskGrow{request.size_mib});
    return {};
}

/// The guest may say what it likes, but only about what was asked for.
void Runtime::handle_growth(const wire::RootDiskState& state) {
    if (growth_.state != growing || state.size_mib != growth_.size_mib)
        return;
    constexpr std::size_t longest = 256;
    growth_.state = state.message.empty() ? "grown" : "failed";
    growth_.message = state.message.substr(0, longest);
    log::info("root disk of {} MiB: {}", growth_.size_mib, growth_.state);
}

} // namespace msb
