#include "api/volumes.hpp"

#include "api/open_launcher.hpp"

namespace msb::api {

namespace {

template <typename T> Outcome<T> about_volume(Result<T> result, const std::string& name) {
    if (!result)
        return fail(volume_failure(std::move(result).error(), name));
    if constexpr (std::is_void_v<T>)
        return {};
    else
        return std::move(*result);
}

Result<Volumes> open_volumes() {
    return Volumes(MSB_TRY(open_launcher()).home());
}

} // namespace

Failure volume_failure(Error error, const std::string& name) {
    const ErrorKind kind = error.kind();
    Failure failure(std::move(error));
    failure.name = name;
    if (kind == ErrorKind::not_found)
        failure.kind = FailureKind::volume_not_found;
    else if (kind == ErrorKind::already_exists)
        failure.kind = FailureKind::volume_already_exists;
    else if (kind == ErrorKind::busy)
        failure.kind = FailureKind::volume_in_use;
    return failure;
}

Outcome<VolumeFileSystem> open_volume_files(const std::string& name) {
    const Launcher launcher = MSB_TRY(open_launcher());
    return about_volume(VolumeFileSystem::open(launcher.home(), name), name);
}

Outcome<Volume> create_volume(const std::string& name, const VolumeRequest& request) {
    Volumes volumes = MSB_TRY(open_volumes());
    return about_volume(volumes.create(name, request), name);
}

Outcome<Volume> get_volume(const std::string& name) {
    return about_volume(MSB_TRY(open_volumes()).open(name), name);
}

Outcome<std::vector<Volume>> list_volumes() {
    Volumes volumes = MSB_TRY(open_volumes());
    return MSB_TRY(volumes.list());
}

Outcome<void> remove_volume(const std::string& name) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_volume(msb::remove_volume(launcher.sandboxes(), name), name);
}

Outcome<Volume> clone_volume(const std::string& from, const std::string& to,
                             const std::map<std::string, std::string>& labels, Cancel* cancel) {
    Volumes volumes = MSB_TRY(open_volumes());
    auto cloned = volumes.clone(from, to, labels, [cancel](std::uint64_t, std::uint64_t) {
        return cancel != nullptr && cancel->triggered();
    });
    if (cloned)
        return std::move(*cloned);
    const bool about_new = cloned.error().kind() == ErrorKind::already_exists;
    return fail(volume_failure(std::move(cloned).error(), about_new ? to : from));
}

Outcome<std::vector<PrunedVolume>> prune_volumes(const LabelSelector& labels, bool dry_run) {
    Launcher launcher = MSB_TRY(open_launcher());
    return MSB_TRY(msb::prune_volumes(launcher.sandboxes(), labels, dry_run));
}

} // namespace msb::api
