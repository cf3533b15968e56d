#include "api/snapshots.hpp"

#include "api/diff.hpp"
#include "api/open_launcher.hpp"

namespace msb::api {

namespace {

template <typename T> Outcome<T> about_snapshot(Result<T> result, const std::string& which) {
    if (!result)
        return fail(snapshot_failure(std::move(result).error(), which));
    if constexpr (std::is_void_v<T>)
        return {};
    else
        return std::move(*result);
}

} // namespace

Failure snapshot_failure(Error error, const std::string& which) {
    const ErrorKind kind = error.kind();
    Failure failure(std::move(error));
    failure.name = which;
    if (kind == ErrorKind::not_found)
        failure.kind = FailureKind::snapshot_not_found;
    else if (kind == ErrorKind::already_exists)
        failure.kind = FailureKind::snapshot_already_exists;
    else if (kind == ErrorKind::busy)
        failure.kind = FailureKind::snapshot_in_use;
    return failure;
}

Outcome<Snapshot> create_snapshot(const SnapshotRequest& request, const disk::Watch& watch) {
    Launcher launcher = MSB_TRY(open_launcher());
    auto made = launcher.snapshots().create(launcher.sandboxes(), request, watch);
    if (made)
        return std::move(*made);
    Failure failure = snapshot_failure(std::move(made).error(), request.name);
    const auto source = launcher.sandboxes().get(request.sandbox);
    if (failure.kind == FailureKind::snapshot_not_found && !source)
        return fail(sandbox_failure(std::move(failure.error), request.sandbox));
    if (failure.kind == FailureKind::snapshot_in_use && source && is_running(source->state.status))
        failure.kind = FailureKind::snapshot_sandbox_running;
    return fail(std::move(failure));
}

Outcome<Snapshot> open_snapshot(const std::string& which) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_snapshot(launcher.snapshots().open(which), which);
}

Outcome<std::vector<Snapshot>> list_snapshots() {
    Launcher launcher = MSB_TRY(open_launcher());
    return MSB_TRY(launcher.snapshots().list());
}

Outcome<std::vector<Snapshot>> list_snapshots_in(const std::string& directory) {
    Launcher launcher = MSB_TRY(open_launcher());
    return launcher.snapshots().list_directory(directory);
}

Outcome<VerifiedSnapshot> verify_snapshot(const std::string& which, const disk::Watch& watch) {
    Launcher launcher = MSB_TRY(open_launcher());
    Snapshot snapshot = MSB_TRY(about_snapshot(launcher.snapshots().open(which), which));
    auto verified = launcher.snapshots().verify(snapshot, watch);
    if (verified)
        return VerifiedSnapshot{std::move(snapshot), *verified};
    Failure failure = snapshot_failure(std::move(verified).error(), which);
    if (failure.kind == FailureKind::corrupt)
        failure.kind = FailureKind::snapshot_integrity;
    return fail(std::move(failure));
}

Outcome<void> remove_snapshot(const std::string& which, bool force) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_snapshot(launcher.snapshots().remove(which, force), which);
}

Outcome<std::size_t> reindex_snapshots(const std::string& directory) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_snapshot(launcher.snapshots().reindex(directory), directory);
}

Outcome<std::string> export_snapshot(const ExportRequest& request, const disk::Watch& watch) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_snapshot(msb::export_snapshot(launcher.snapshots(), request, watch),
                          request.which);
}

Outcome<Snapshot> import_snapshot(const ImportRequest& request, const disk::Watch& watch) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_snapshot(msb::import_snapshot(launcher.snapshots(), request, watch), request.file);
}

Outcome<std::vector<DiskChange>>
snapshot_changes(const std::string& before, const std::string& after, const disk::Watch& watch) {
    Launcher launcher = MSB_TRY(open_launcher());
    const Snapshot old = MSB_TRY(about_snapshot(launcher.snapshots().open(before), before));
    auto changes = diff_snapshots(launcher, old.directory, after, watch);
    if (changes)
        return std::move(*changes);
    Failure failure = snapshot_failure(std::move(changes).error(), after);
    if (failure.kind == FailureKind::invalid_config)
        failure.kind = FailureKind::invalid_argument;
    return fail(std::move(failure));
}

} // namespace msb::api
