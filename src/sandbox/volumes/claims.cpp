#include "sandbox/volumes/claims.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"

#include <algorithm>

namespace msb {

namespace {

using namespace std::chrono_literals;

/// Longer than anybody takes to make a volume.
constexpr auto claim_wait = 10s;

} // namespace

Status VolumeClaims::make(const std::string& name, const VolumeRequest& request) {
    const OwnedFd held = MSB_TRY(volumes_.lock(name, Volumes::Lock::exclusive, claim_wait));
    const auto made = volumes_.create_locked(name, request);
    if (made)
        made_.push_back(name);
    return made ? Status() : fail(made.error());
}

/// Two that want one volume to exist both end with a shared lock on the one that is there: whoever
/// comes second finds it.
Result<Volume> VolumeClaims::claim(const Mount& mount) {
    const std::string& name = mount.source;
    const auto deadline = std::chrono::steady_clock::now() + claim_wait;
    for (;;) {
        OwnedFd held = MSB_TRY(volumes_.lock(name, Volumes::Lock::shared, claim_wait));
        auto volume = volumes_.open(name);
        const bool ours = std::ranges::find(made_, name) != made_.end();
        if (volume && mount.volume_mode == VolumeMode::create && !ours)
            return fail(ErrorKind::already_exists, "volume already exists: " + name);
        if (volume) {
            claims_.push_back({name, std::move(held)});
            return volume;
        }
        if (volume.error().kind() == ErrorKind::not_found && volume.error().hint().empty() &&
            mount.volume_mode == VolumeMode::existing)
            return fail(Error(volume.error()).with_hint("make it: msb volume create " + name));
        if (volume.error().kind() != ErrorKind::not_found ||
            mount.volume_mode == VolumeMode::existing ||
            std::chrono::steady_clock::now() >= deadline)
            return volume;
        held.reset();
        const Status made = make(name, mount.volume);
        if (!made && (made.error().kind() != ErrorKind::already_exists ||
                      mount.volume_mode == VolumeMode::create))
            return fail(made.error());
    }
}

Status VolumeClaims::add(Mount& mount) {
    const Volume volume = MSB_TRY(claim(mount));
    MSB_TRY(volume.check(mount.volume));
    mount.volume.kind = volume.kind;
    mount.volume.quota_mib = volume.quota_mib;
    if (volume.kind == VolumeKind::disk)
        mount.volume.size_mib = volume.size_bytes / mib;
    return {};
}

std::vector<OwnedFd> VolumeClaims::share_locks() const {
    std::vector<OwnedFd> locks;
    for (const Claim& claim : claims_)
        if (auto copy = sys::dup(claim.lock.get()))
            locks.push_back(std::move(*copy));
    return locks;
}

VolumeClaims::~VolumeClaims() {
    for (const std::string& name : made_) {
        std::erase_if(claims_, [&](const Claim& claim) { return claim.name == name; });
        const auto held = volumes_.lock(name, Volumes::Lock::exclusive, 0ms);
        if (!held) // another sandbox has found it
            continue;
        if (const Status removed = volumes_.remove_locked(name); !removed)
            log::warn("volume '{}': {}", name, removed.error().to_string());
    }
}

} // namespace msb
