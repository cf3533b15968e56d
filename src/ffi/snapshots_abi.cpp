// Snapshots.
#include "api/diff.hpp"
#include "api/snapshot_json.hpp"
#include "api/snapshots.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

namespace {

json::Value summaries(const std::vector<Snapshot>& snapshots) {
    json::Value list = json::array();
    for (const Snapshot& snapshot : snapshots)
        list.push_back(snapshot_summary(snapshot));
    return list;
}

} // namespace

MSB_API char* msb_snapshot_create(std::uint64_t cancel, std::uint64_t progress, const char* sandbox,
                                  const char* name, const char* options, char** result) {
    return call_with_progress(
        cancel, progress, sandbox,
        [&](const std::string& source, ReportQueue* queue,
            api::Cancel* cancelling) -> Outcome<void> {
            Options given(options);
            SnapshotRequest request{.sandbox = source,
                                    .name = MSB_TRY(text_argument(name, "name")),
                                    .directory = given.text("dest_dir")};
            for (auto& [key, value] : given.pairs("labels"))
                request.labels.insert_or_assign(key, value);
            request.force = given.flag("force");
            request.integrity = given.flag("integrity");
            request.copy_while_frozen = given.flag("copy_while_frozen");
            MSB_TRY(given.done());
            give(result, snapshot_details(
                             MSB_TRY(api::create_snapshot(request, watch_of(queue, cancelling)))));
            return {};
        });
}

MSB_API char* msb_snapshot_open(const char* snapshot, char** result) {
    return call_on(0, snapshot, [&](const std::string& which, api::Cancel*) -> Outcome<void> {
        give(result, snapshot_details(MSB_TRY(api::open_snapshot(which))));
        return {};
    });
}

MSB_API char* msb_snapshot_diff(std::uint64_t cancel, const char* before, const char* after,
                                char** result) {
    return call_on(
        cancel, before, [&](const std::string& which, api::Cancel* cancelling) -> Outcome<void> {
            const std::string other = MSB_TRY(text_argument(after, "after"));
            give(result, changes_document(MSB_TRY(
                             api::snapshot_changes(which, other, watch_of(nullptr, cancelling)))));
            return {};
        });
}

MSB_API char* msb_snapshot_list(char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        give(result, summaries(MSB_TRY(api::list_snapshots())));
        return {};
    });
}

MSB_API char* msb_snapshot_list_dir(const char* directory, char** result) {
    return call_on(0, directory, [&](const std::string& path, api::Cancel*) -> Outcome<void> {
        give(result, summaries(MSB_TRY(api::list_snapshots_in(path))));
        return {};
    });
}

MSB_API char* msb_snapshot_verify(std::uint64_t cancel, const char* snapshot, char** result) {
    return call_on(
        cancel, snapshot, [&](const std::string& which, api::Cancel* cancelling) -> Outcome<void> {
            const auto [verified, recorded] =
                MSB_TRY(api::verify_snapshot(which, watch_of(nullptr, cancelling)));
            json::Value upper = {{"kind", "not_recorded"}};
            if (const auto& integrity = verified.manifest.integrity; integrity && recorded)
                upper = {{"kind", "verified"},
                         {"algorithm", integrity->algorithm},
                         {"digest", integrity->root}};
            give(result,
                 {{"digest", verified.digest}, {"path", verified.directory}, {"upper", upper}});
            return {};
        });
}

MSB_API char* msb_snapshot_remove(const char* snapshot, const char* options) {
    return call_on(0, snapshot, [&](const std::string& which, api::Cancel*) -> Outcome<void> {
        Options given(options);
        const bool force = given.flag("force");
        MSB_TRY(given.done());
        return api::remove_snapshot(which, force);
    });
}

MSB_API char* msb_snapshot_reindex(const char* directory, char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        const std::string path = directory == nullptr ? "" : directory;
        give(result, {{"indexed", MSB_TRY(api::reindex_snapshots(path))}});
        return {};
    });
}

MSB_API char* msb_snapshot_export(std::uint64_t cancel, std::uint64_t progress,
                                  const char* snapshot, const char* file, const char* options,
                                  char** result) {
    return call_with_progress(
        cancel, progress, snapshot,
        [&](const std::string& which, ReportQueue* queue,
            api::Cancel* cancelling) -> Outcome<void> {
            Options given(options);
            const ExportRequest request{.which = which,
                                        .file = MSB_TRY(text_argument(file, "file")),
                                        .since = given.text("since"),
                                        .with_parents = given.flag("with_parents"),
                                        .with_image = given.flag("with_image"),
                                        .plain = given.flag("plain_tar"),
                                        .force = given.flag("force")};
            if (!request.since.empty() && request.with_parents)
                given.complain("'since' and 'with_parents' exclude each other");
            MSB_TRY(given.done());
            give(result,
                 {{"path", MSB_TRY(api::export_snapshot(request, watch_of(queue, cancelling)))}});
            return {};
        });
}

MSB_API char* msb_snapshot_import(std::uint64_t cancel, std::uint64_t progress, const char* file,
                                  const char* options, char** result) {
    return call_with_progress(
        cancel, progress, file,
        [&](const std::string& path, ReportQueue* queue, api::Cancel* cancelling) -> Outcome<void> {
            Options given(options);
            const ImportRequest request{.file = path,
                                        .directory = given.text("dest_dir"),
                                        .name = given.text("name"),
                                        .force = given.flag("force")};
            MSB_TRY(given.done());
            give(result, snapshot_details(
                             MSB_TRY(api::import_snapshot(request, watch_of(queue, cancelling)))));
            return {};
        });
}
