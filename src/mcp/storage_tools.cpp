// Images, snapshots, volumes and logs.
#include "api/image_json.hpp"
#include "api/images.hpp"
#include "api/logs.hpp"
#include "api/snapshot_json.hpp"
#include "api/snapshots.hpp"
#include "api/volume_json.hpp"
#include "api/volumes.hpp"
#include "base/time.hpp"
#include "mcp/answers.hpp"
#include "mcp/workbench.hpp"

#include <algorithm>

namespace msb::mcp {

namespace {

disk::Watch watch_of(Call& call) {
    return [&call](std::uint64_t, std::uint64_t) { return call.cancel.triggered(); };
}

/// Tools take names only: a path would be one of the host.
std::string name_of(ffi::Options& arguments, const char* key) {
    std::string name = needed(arguments, key);
    if (name.find('/') != std::string::npos)
        arguments.complain("'" + std::string(key) + "' is a path, not a name");
    return name;
}

template <typename Items, typename Describe>
Answer list_of(const char* key, const Items& items, Describe describe) {
    json::Value list = json::array();
    for (const auto& item : items)
        list.push_back(describe(item));
    Answer answer;
    answer.structured[key] = std::move(list);
    return answer;
}

api::Outcome<Answer> image_list(Call& call) {
    MSB_TRY(call.arguments.done());
    return list_of("images", MSB_TRY(api::list_images()), image_summary);
}

api::Outcome<Answer> image_pull(Call& call) {
    const std::string reference = needed(call.arguments, "image");
    MSB_TRY(call.arguments.done());
    const auto pulled =
        MSB_TRY(api::pull_image(reference, image::PullOptions{}, call.progress, &call.cancel));
    return Answer{image_summary(pulled.image)};
}

api::Outcome<Answer> image_remove(Call& call) {
    const std::string reference = needed(call.arguments, "image");
    MSB_TRY(call.arguments.done());
    MSB_TRY(api::remove_image(reference, false));
    return Answer{{{"image", reference}, {"removed", true}}};
}

api::Outcome<Answer> snapshot_create(Call& call) {
    SnapshotRequest request{.sandbox = needed(call.arguments, "sandbox"),
                            .name = name_of(call.arguments, "name")};
    request.copy_while_frozen = call.arguments.flag("copy_while_frozen");
    MSB_TRY(call.arguments.done());
    return Answer{snapshot_summary(MSB_TRY(api::create_snapshot(request, watch_of(call))))};
}

api::Outcome<Answer> snapshot_list(Call& call) {
    MSB_TRY(call.arguments.done());
    return list_of("snapshots", MSB_TRY(api::list_snapshots()), snapshot_summary);
}

api::Outcome<Answer> snapshot_inspect(Call& call) {
    const std::string name = name_of(call.arguments, "name");
    MSB_TRY(call.arguments.done());
    return Answer{snapshot_details(MSB_TRY(api::open_snapshot(name)))};
}

api::Outcome<Answer> snapshot_remove(Call& call) {
    const std::string name = name_of(call.arguments, "name");
    MSB_TRY(call.arguments.done());
    MSB_TRY(api::remove_snapshot(name, false));
    return Answer{{{"name", name}, {"removed", true}}};
}

api::Outcome<Answer> volume_create(Call& call) {
    constexpr std::uint64_t most_mib = std::uint64_t{1} << 30;
    const std::string name = name_of(call.arguments, "name");
    VolumeRequest request;
    request.quota_mib = call.arguments.number("quota_mib", most_mib);
    MSB_TRY(call.arguments.done());
    return Answer{volume_document(MSB_TRY(api::create_volume(name, request)))};
}

api::Outcome<Answer> volume_list(Call& call) {
    MSB_TRY(call.arguments.done());
    return list_of("volumes", MSB_TRY(api::list_volumes()), volume_document);
}

api::Outcome<Answer> volume_inspect(Call& call) {
    const std::string name = name_of(call.arguments, "name");
    MSB_TRY(call.arguments.done());
    return Answer{volume_document(MSB_TRY(api::get_volume(name)))};
}

api::Outcome<Answer> volume_remove(Call& call) {
    const std::string name = name_of(call.arguments, "name");
    MSB_TRY(call.arguments.done());
    MSB_TRY(api::remove_volume(name));
    return Answer{{{"name", name}, {"removed", true}}};
}

/// The newest entries that there is room for.
api::Outcome<Answer> logs_read(Call& call) {
    constexpr std::uint64_t most_entries = 10'000;
    const std::string name = needed(call.arguments, "sandbox");
    LogQuery query;
    query.tail_entries = call.arguments.number("tail", most_entries).value_or(1000);
    if (call.arguments.flag("system"))
        query.sources.insert(LogSource::system);
    MSB_TRY(call.arguments.done());
    const auto entries = MSB_TRY(api::logs(name, query));
    std::size_t room = call.bench.limits().max_output;
    auto first = entries.end();
    while (first != entries.begin() && std::prev(first)->data.size() <= room)
        room -= (--first)->data.size();
    json::Value list = json::array();
    std::string text;
    for (auto entry = first; entry != entries.end(); ++entry) {
        const std::string line(as_text(entry->data));
        list.push_back({{"time", format_rfc3339(entry->time_ns, 3, "Z")},
                        {"source", to_string(entry->source)},
                        {"text", line}});
        text += line;
    }
    return Answer{{{"entries", list}, {"truncated", first != entries.begin()}},
                  text.empty() ? "[no output]" : text};
}

Schema name_schema(const char* about) {
    return Schema().text("name", about).required();
}

} // namespace

std::vector<Tool> storage_tools() {
    using Effect = Tool::Effect;
    const Schema image = Schema().text("image", "Reference of the image.").required();
    return {
        {"logs_read", "Read logs", "What the commands of a sandbox wrote, also of a stopped one.",
         Effect::reads,
         of_sandbox()
             .number("tail", "Only the last so many entries; default: 1000.")
             .flag("system", "Also what the sandbox's runtime and kernel say."),
         logs_read},
        {"image_list", "List images", "The images in the cache.", Effect::reads, Schema(),
         image_list},
        {"image_pull", "Pull an image", "Get an image from its registry into the cache.",
         Effect::changes, image, image_pull},
        {"image_remove", "Remove an image", "Remove an image from the cache that nothing uses.",
         Effect::destroys, image, image_remove},
        {"snapshot_create", "Create a snapshot", "Keep the disk of a sandbox as it is now.",
         Effect::changes,
         of_sandbox()
             .text("name", "Name of the snapshot.")
             .required()
             .flag("copy_while_frozen",
                   "Copy the disk of a running one even where that takes a while."),
         snapshot_create},
        {"snapshot_list", "List snapshots", "The snapshots, newest first.", Effect::reads, Schema(),
         snapshot_list},
        {"snapshot_inspect", "Inspect a snapshot", "What a snapshot is made of.", Effect::reads,
         name_schema("Name of the snapshot."), snapshot_inspect},
        {"snapshot_remove", "Remove a snapshot", "Remove a snapshot that no other one needs.",
         Effect::destroys, name_schema("Name of the snapshot."), snapshot_remove},
        {"volume_create", "Create a volume", "Make storage that outlives sandboxes.",
         Effect::changes,
         name_schema("Name of the volume.").number("quota_mib", "How many MiB it may hold."),
         volume_create},
        {"volume_list", "List volumes", "The volumes, newest first.", Effect::reads, Schema(),
         volume_list},
        {"volume_inspect", "Inspect a volume", "Kind, size and users of a volume.", Effect::reads,
         name_schema("Name of the volume."), volume_inspect},
        {"volume_remove", "Remove a volume", "Remove a volume and all in it.", Effect::destroys,
         name_schema("Name of the volume."), volume_remove},
    };
}

} // namespace msb::mcp
