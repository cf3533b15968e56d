// msb volume create, list, inspect, remove, prune, clone
#include "api/volume_json.hpp"
#include "base/sizes.hpp"
#include "base/time.hpp"
#include "cli/snapshot.hpp"
#include "json/value.hpp"
#include "sandbox/volumes/users.hpp"

namespace msb::cli {

namespace {

struct VolumeCommand {
    std::string name;
    std::string flag_name; ///< -n of create
    std::string to;        ///< of clone
    std::vector<std::string> several;
    std::string kind = "dir";
    std::string size;
    std::string quota;
    std::vector<std::string> labels;
    std::string format;
    bool dry_run = false;
    bool quiet = false;
};

Result<std::map<std::string, std::string>> labels_of(const VolumeCommand& command) {
    std::map<std::string, std::string> labels;
    for (const std::string& text : command.labels) {
        auto [key, value] = MSB_TRY(parse_label(text));
        labels.insert_or_assign(key, value);
    }
    return labels;
}

Result<VolumeRequest> request_of(const VolumeCommand& command) {
    VolumeRequest request;
    request.kind = MSB_TRY(parse_volume_kind(command.kind));
    const bool disk = request.kind == VolumeKind::disk;
    if (disk && command.size.empty())
        return invalid("--size is required with --kind disk");
    if (!disk && !command.size.empty())
        return fail(Error(ErrorKind::invalid_argument, "--size is only supported with --kind disk")
                        .with_hint("a directory has a --quota"));
    if (!command.size.empty())
        request.size_mib = MSB_TRY(parse_memory_mib(command.size));
    if (!command.quota.empty())
        request.quota_mib = MSB_TRY(parse_memory_mib(command.quota));
    request.labels = MSB_TRY(labels_of(command));
    MSB_TRY(validate_volume_request(request));
    return request;
}

Status create(Context& context, const VolumeCommand& command) {
    const std::string& name = command.name.empty() ? command.flag_name : command.name;
    if (name.empty())
        return fail(ErrorKind::invalid_argument, "volume create requires a name");
    if (!command.name.empty() && !command.flag_name.empty())
        return fail(ErrorKind::invalid_argument, "the name is given twice");
    Session session = MSB_TRY(Session::open(context, command.quiet));
    const VolumeRequest request = MSB_TRY(request_of(command));
    session.progress().begin("Creating", name);
    const auto made = Volumes(session.home()).create(name, request);
    session.progress().clear();
    MSB_TRY(Result<Volume>(made));
    (void)print(name + "\n");
    return {};
}

std::string size_of(const Volume& volume) {
    if (volume.kind == VolumeKind::disk)
        return format_bytes(volume.size_bytes);
    return volume.quota_mib ? format_bytes(*volume.quota_mib * mib) : "-";
}

Status list(Context& context, const VolumeCommand& command) {
    const Session session = MSB_TRY(Session::open(context, command.quiet));
    Volumes store(session.home());
    const std::vector<Volume> volumes = MSB_TRY(store.list());
    for (const Error& error : store.damaged())
        print_warning(error.to_string());
    if (command.quiet) {
        for (const Volume& volume : volumes)
            (void)print(volume.name + "\n");
        return {};
    }
    if (command.format == "json") {
        json::Value rows = json::array();
        for (const Volume& volume : volumes)
            rows.push_back(volume_document(volume));
        print_json(rows);
        return {};
    }
    if (volumes.empty())
        return print_stderr("No volumes.\n"), Status();
    Table table({"NAME", "KIND", "SIZE", "CREATED"});
    for (const Volume& volume : volumes)
        table.add({volume.name, std::string(to_string(volume.kind)), size_of(volume),
                   format_local(volume.created_at_ns)});
    (void)print(table.render());
    return {};
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text.empty() ? "-" : text;
}

Status inspect(Context& context, const VolumeCommand& command) {
    Session session = MSB_TRY(Session::open(context, true));
    const Volume volume = MSB_TRY(Volumes(session.home()).open(command.name));
    const auto users = MSB_TRY(users_of_volume(session.sandboxes(), volume.name, false));
    if (command.format == "json") {
        json::Value document = volume_document(volume);
        document["sandboxes"] = json::array(users);
        print_json(document);
        return {};
    }
    KeyValues text;
    text.add("Name", volume.name);
    text.add("Kind", volume.kind == VolumeKind::disk ? "disk" : "directory");
    if (volume.kind == VolumeKind::disk) {
        text.add("Format", "raw");
        text.add("Filesystem", "ext4");
        text.add("Capacity", format_bytes(volume.size_bytes));
    } else {
        text.add("Quota", volume.quota_mib ? format_bytes(*volume.quota_mib * mib) : "unlimited");
    }
    if (const auto used = Volumes::used_bytes(volume))
        text.add("Used", format_bytes(*used));
    text.add("Path", volume.path());
    text.add("Created", format_local(volume.created_at_ns));
    text.add("Sandboxes", joined(users));
    if (volume.labels.empty())
        text.add("Labels", "-");
    else
        text.section("Labels");
    for (const auto& [key, value] : volume.labels)
        text.add_nested(key, value);
    (void)print(text.text());
    return {};
}

Status remove(Context& context, const VolumeCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    bool failed = false;
    for (const std::string& name : command.several) {
        const auto begun = std::chrono::steady_clock::now();
        session.progress().begin("Removing", name);
        const Status removed = remove_volume(session.sandboxes(), name);
        session.progress().clear();
        if (removed && !command.quiet)
            print_done("Removed", name, std::chrono::steady_clock::now() - begun);
        if (!removed)
            print_error(removed.error());
        failed = failed || !removed;
    }
    return failed ? fail(ErrorKind::system, "some volumes failed to remove") : Status();
}

Status prune(Context& context, const VolumeCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    LabelSelector labels;
    for (const std::string& text : command.labels)
        labels.push_back(MSB_TRY(parse_label(text)));
    session.progress().begin("Pruning", "volumes");
    const auto pruned = prune_volumes(session.sandboxes(), labels, command.dry_run);
    session.progress().clear();
    std::uint64_t bytes = 0;
    for (const PrunedVolume& volume : MSB_TRY(Result<std::vector<PrunedVolume>>(pruned))) {
        (void)print(volume.name + "\n");
        bytes += volume.used_bytes;
    }
    if (!command.quiet)
        print_stderr((command.dry_run ? "Would reclaim " : "Reclaimed ") + format_bytes(bytes) +
                     "\n");
    return {};
}

Status clone(Context& context, const VolumeCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    const auto labels = MSB_TRY(labels_of(command));
    session.progress().begin("Cloning", command.name);
    const auto cloned =
        Volumes(session.home()).clone(command.name, command.to, labels, show_bytes(session));
    if (!cloned)
        return unless_interrupted(session, context, cloned.error());
    session.progress().clear();
    (void)print(cloned->name + "\n");
    return {};
}

void add_volume_options(Command& command, VolumeCommand& values) {
    command.option("name", &values.name, "Name");
    command.option("-n,--name", &values.flag_name, "The same");
    command
        .option("--kind", &values.kind, "dir: a directory of the host; disk: an ext4 file system")
        .one_of({"dir", "directory", "disk"})
        .shows_default();
    command.option("--size", &values.size, "Of a disk, e.g. 10G");
    command.option("--quota", &values.quota, "What guests may add to a directory, e.g. 1G");
    command.option("--label", &values.labels, "KEY=VALUE (repeatable)");
    command.flag("-q,--quiet", &values.quiet, "No progress");
}

void add_volume_name(Command& command, VolumeCommand& values) {
    command.option("volume", &values.name, "Volume").names(ValueOf::volume).required();
    command.option("--format", &values.format, "Output format").one_of({"json"});
}

} // namespace

void add_volume(Command& parent, Context& context) {
    Command& family = parent.add_family("volume", "Storage that outlives sandboxes", group_storage);
    family.alias("vol").alias("volumes").alias("vols");
    add_subcommand<VolumeCommand>(family, context, "create", "Make a volume", create,
                                  add_volume_options);
    add_subcommand<VolumeCommand>(
        family, context, "list", "List volumes", list,
        [](Command& command, VolumeCommand& values) {
            command.option("--format", &values.format, "Output format").one_of({"json"});
            command.flag("-q,--quiet", &values.quiet, "Names only");
        })
        .alias("ls");
    add_subcommand<VolumeCommand>(family, context, "inspect", "Everything about one volume",
                                  inspect, add_volume_name);
    add_subcommand<VolumeCommand>(
        family, context, "remove", "Remove volumes, with what is in them", remove,
        [](Command& command, VolumeCommand& values) {
            command.option("volumes", &values.several, "Volumes").names(ValueOf::volume).required();
            command.flag("-q,--quiet", &values.quiet, "No ticks");
        })
        .alias("rm");
    add_subcommand<VolumeCommand>(
        family, context, "prune", "Remove the volumes that no sandbox mounts", prune,
        [](Command& command, VolumeCommand& values) {
            command.option("--label", &values.labels, "KEY=VALUE: only those with it (repeatable)");
            command.flag("--dry-run", &values.dry_run, "Only say which");
            command.flag("-q,--quiet", &values.quiet, "Names only");
        });
    add_subcommand<VolumeCommand>(
        family, context, "clone", "Make a volume with what is in another one", clone,
        [](Command& command, VolumeCommand& values) {
            command.option("volume", &values.name, "Volume").names(ValueOf::volume).required();
            command.option("name", &values.to, "Name of the new one").required();
            command.option("--label", &values.labels, "KEY=VALUE of the new one (repeatable)");
            command.flag("-q,--quiet", &values.quiet, "No progress");
        });
}

} // namespace msb::cli
