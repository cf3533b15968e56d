// msb snapshot create, open, list, list-dir, verify, remove, reindex
#include "cli/snapshot.hpp"

#include "api/snapshot_json.hpp"
#include "base/time.hpp"
#include "json/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <set>

namespace msb::cli {

disk::Watch show_bytes(Session& session) {
    return [&session](std::uint64_t done, std::uint64_t total) {
        session.progress().detail(total > 0 ? format_bytes(done) + " / " + format_bytes(total)
                                            : format_bytes(done));
        return session.tick();
    };
}

Status unless_interrupted(Session& session, Context& context, const Error& error) {
    session.progress().clear();
    if (!session.interrupted())
        return fail(error);
    context.exit_code = 128 + *session.interrupted();
    return {};
}

void print_snapshot(const Snapshot& snapshot, bool quiet) {
    (void)print(snapshot.digest + "\n");
    if (!quiet)
        (void)print(printable_line(snapshot.directory) + "\n");
}

void print_json(const json::Value& document) {
    (void)print(json::to_text(document, 2) + "\n");
}

namespace {

struct SnapshotCommand {
    SnapshotRequest request; ///< of create
    std::vector<std::string> labels;
    std::string which;
    std::vector<std::string> several; ///< of remove
    std::string directory;
    std::string format;
    bool verify = false;
    bool force = false;
    bool tree = false;
    bool quiet = false;
};

Status create(Context& context, const SnapshotCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    SnapshotRequest request = command.request;
    for (const std::string& text : command.labels)
        request.labels.insert(MSB_TRY(parse_label(text)));
    session.progress().begin("Snapshotting", request.sandbox);
    const auto made = session.snapshots().create(session.sandboxes(), request, show_bytes(session));
    if (!made)
        return unless_interrupted(session, context, made.error());
    session.progress().clear();
    print_snapshot(*made, command.quiet);
    return {};
}

/// A snapshot in the list, and how many of those above it in the tree it came from.
struct Row {
    const Snapshot* snapshot = nullptr;
    std::size_t depth = 0;
};

/// Each below the one that it came from; otherwise in their order. Of two with one digest, both have
/// the children.
class Tree {
  public:
    explicit Tree(const std::vector<Snapshot>& snapshots) : snapshots_(snapshots) {
        std::set<std::string> known;
        for (const Snapshot& snapshot : snapshots)
            known.insert(snapshot.digest);
        for (const Snapshot& snapshot : snapshots)
            if (!snapshot.manifest.parent || !known.contains(*snapshot.manifest.parent))
                add(snapshot, 0);
    }
    const std::vector<Row>& rows() const { return rows_; }

  private:
    void add(const Snapshot& snapshot, std::size_t depth) {
        rows_.push_back({&snapshot, depth});
        for (const Snapshot& other : snapshots_)
            if (other.manifest.parent == snapshot.digest)
                add(other, depth + 1);
    }

    const std::vector<Snapshot>& snapshots_;
    std::vector<Row> rows_;
};

std::vector<Row> rows_of(const std::vector<Snapshot>& snapshots, bool tree) {
    if (tree)
        return Tree(snapshots).rows();
    std::vector<Row> rows;
    rows.reserve(snapshots.size());
    for (const Snapshot& snapshot : snapshots)
        rows.push_back({&snapshot, 0});
    return rows;
}

Status print_list(Session& session, const std::vector<Snapshot>& snapshots,
                  const SnapshotCommand& command, const char* if_empty) {
    for (const Error& error : session.snapshots().damaged())
        print_warning(error.to_string());
    if (command.quiet) {
        for (const Snapshot& snapshot : snapshots)
            (void)print(snapshot.digest + "\n");
        return {};
    }
    if (command.format == "json") {
        json::Value rows = json::array();
        for (const Snapshot& snapshot : snapshots)
            rows.push_back(snapshot_summary(snapshot));
        print_json(rows);
        return {};
    }
    if (snapshots.empty())
        return print_stderr(if_empty), Status();
    Table table({"NAME", "IMAGE", "SIZE", "CREATED", "PARENT", "DIGEST"});
    constexpr std::size_t shown = 19; // "sha256:" and 12 digits
    for (const auto& [snapshot, depth] : rows_of(snapshots, command.tree)) {
        const SnapshotManifest& manifest = snapshot->manifest;
        const std::string indent = depth > 0 ? std::string(2 * (depth - 1), ' ') + "└ " : "";
        table.add({indent + snapshot->name(), manifest.image, format_bytes(manifest.upper_size),
                   format_local(parse_rfc3339(manifest.created_at).value_or(0)),
                   manifest.parent ? manifest.parent->substr(0, shown) : "-",
                   snapshot->digest.substr(0, shown)});
    }
    (void)print(table.render());
    return {};
}

Status list(Context& context, const SnapshotCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    return print_list(session, MSB_TRY(session.snapshots().list()), command,
                      "No snapshots indexed.\n");
}

Status list_directory(Context& context, const SnapshotCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    return print_list(session, session.snapshots().list_directory(command.directory), command,
                      "No snapshots found.\n");
}

std::string describe(const std::optional<SnapshotIntegrity>& integrity) {
    return integrity ? integrity->algorithm + " " + integrity->root : "not recorded";
}

/// "verified (ALGORITHM HASH)", or "not recorded".
Result<std::string> verify_disk(Session& session, const Snapshot& snapshot) {
    session.progress().begin("Verifying", snapshot.name());
    const auto verified = session.snapshots().verify(snapshot, show_bytes(session));
    session.progress().clear();
    const std::string hash = describe(snapshot.manifest.integrity);
    return MSB_TRY(Result<bool>(verified)) ? "verified (" + hash + ")" : hash;
}

Status inspect(Context& context, const SnapshotCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    const Snapshot snapshot = MSB_TRY(session.snapshots().open(command.which));
    std::string verification;
    if (command.verify) {
        auto verified = verify_disk(session, snapshot);
        if (!verified)
            return unless_interrupted(session, context, verified.error());
        verification = std::move(*verified);
    }
    if (command.format == "json") {
        json::Value document = snapshot_details(snapshot);
        if (command.verify)
            document["verification"] = verification;
        print_json(document);
        return {};
    }
    const SnapshotManifest& manifest = snapshot.manifest;
    KeyValues text;
    text.add("Digest", snapshot.digest);
    text.add("Path", snapshot.directory);
    text.add("Image", manifest.image);
    text.add("Image Manifest", manifest.image_digest);
    text.add("Scope", "disk");
    text.add("Root Disk", manifest.flat() ? "flat" : "managed");
    text.add("Parent", manifest.parent.value_or("-"));
    text.add("Created", manifest.created_at);
    text.section("State (file)");
    text.add_nested("Format", "raw");
    text.add_nested("Filesystem", manifest.fstype);
    text.add_nested("Upper File", manifest.upper_file);
    text.add_nested("Upper Size", format_bytes(manifest.upper_size));
    text.add_nested("Integrity", describe(manifest.integrity));
    if (const auto storage = manifest.storage(); !storage.empty()) {
        text.section("Storage");
        for (const auto& [mount, payload] : storage)
            text.add_nested(mount.guest, fmt::format("{}, {} ({})", describe_source(mount),
                                                     payload.file, format_bytes(payload.size)));
    }
    if (!manifest.required.empty())
        text.add("Requires", fmt::format("{}", fmt::join(manifest.required, ", ")));
    if (command.verify)
        text.add("Verification", verification);
    text.add("Source Sandbox", manifest.source_sandbox.value_or("-"));
    if (!manifest.labels.empty()) {
        text.section("Labels");
        for (const auto& [key, value] : manifest.labels)
            text.add_nested(key, value);
    }
    (void)print(text.text());
    return {};
}

Status verify(Context& context, const SnapshotCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    const Snapshot snapshot = MSB_TRY(session.snapshots().open(command.which));
    const auto verified = verify_disk(session, snapshot);
    if (!verified)
        return unless_interrupted(session, context, verified.error());
    if (command.format == "json") {
        print_json({{"digest", snapshot.digest},
                    {"path", snapshot.directory},
                    {"verification", *verified}});
        return {};
    }
    KeyValues text;
    text.add("Digest", snapshot.digest);
    text.add("Path", snapshot.directory);
    text.add("Verification", *verified);
    (void)print(text.text());
    return {};
}

Status remove(Context& context, const SnapshotCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    bool failed = false;
    for (const std::string& which : command.several) {
        const auto begun = std::chrono::steady_clock::now();
        const Status removed = session.snapshots().remove(which, command.force);
        if (removed && !command.quiet)
            print_done("Removed", which, std::chrono::steady_clock::now() - begun);
        if (!removed)
            print_error(removed.error());
        failed = failed || !removed;
    }
    return failed ? fail(ErrorKind::system, "some snapshots failed to remove") : Status();
}

Status reindex(Context& context, const SnapshotCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    const std::size_t count = MSB_TRY(session.snapshots().reindex(command.directory));
    for (const Error& error : session.snapshots().damaged())
        print_warning(error.to_string());
    const std::string directory =
        command.directory.empty() ? session.home().snapshots() : command.directory;
    (void)print(fmt::format("indexed {} snapshot(s) from {}\n", count, printable_line(directory)));
    return {};
}

void add_create_options(Command& command, SnapshotCommand& values) {
    SnapshotRequest& request = values.request;
    command.option("name", &request.name, "Name, or path of a new directory").required();
    command.option("--from", &request.sandbox, "Sandbox").names(ValueOf::sandbox).required();
    command.flag("--copy-while-frozen", &request.copy_while_frozen,
                 "One that runs cannot write to its disk for as long as copying takes");
    command
        .option("--dest-dir", &request.directory,
                "Directory for it (default: that of msb's snapshots)")
        .names(ValueOf::directory);
    command.option("--label", &values.labels, "KEY=VALUE (repeatable)");
    command.flag("-f,--force", &request.force, "Replace a snapshot that is there");
    command.flag("--integrity", &request.integrity, "Record a hash of the disk, for `verify`");
    command.flag("-q,--quiet", &values.quiet, "No progress; the digest only");
}

void add_list_options(Command& command, SnapshotCommand& values) {
    command.option("--format", &values.format, "Output format").one_of({"json"});
    command.flag("-q,--quiet", &values.quiet, "Digests only");
    command.flag("--tree", &values.tree, "Each below the one that it came from");
}

void add_which_options(Command& command, SnapshotCommand& values) {
    command.option("snapshot", &values.which, which_snapshot_help)
        .names(ValueOf::snapshot)
        .required();
    command.option("--format", &values.format, "Output format").one_of({"json"});
}

} // namespace

void add_snapshot(Command& parent, Context& context) {
    Command& family = parent.add_family(
        "snapshot", "Keep the disks of sandboxes, and begin others with them", group_storage);
    family.alias("snap").alias("snapshots").alias("snaps");
    add_subcommand<SnapshotCommand>(family, context, "create", "Keep the disk of a sandbox", create,
                                    add_create_options);
    add_subcommand<SnapshotCommand>(
        family, context, "open", "Everything about one snapshot", inspect,
        [](Command& command, SnapshotCommand& values) {
            add_which_options(command, values);
            command.flag("--verify", &values.verify, "Compare the disk with its recorded hash");
        })
        .alias("inspect");
    add_subcommand<SnapshotCommand>(family, context, "list", "List snapshots", list,
                                    add_list_options)
        .alias("ls");
    add_subcommand<SnapshotCommand>(family, context, "list-dir",
                                    "List the snapshots in a directory", list_directory,
                                    [](Command& command, SnapshotCommand& values) {
                                        command.option("directory", &values.directory, "Directory")
                                            .names(ValueOf::directory)
                                            .required();
                                        add_list_options(command, values);
                                    });
    add_subcommand<SnapshotCommand>(family, context, "verify",
                                    "Compare a disk with the hash that was recorded", verify,
                                    add_which_options);
    add_subcommand<SnapshotCommand>(
        family, context, "remove", "Remove snapshots", remove,
        [](Command& command, SnapshotCommand& values) {
            command.option("snapshots", &values.several, which_snapshot_help)
                .names(ValueOf::snapshot)
                .required();
            command.flag("-f,--force", &values.force,
                         "Even one that is another's parent, or damaged");
            command.flag("-q,--quiet", &values.quiet, "No ticks");
        })
        .alias("rm");
    add_subcommand<SnapshotCommand>(family, context, "reindex",
                                    "Look again which snapshots a directory has", reindex,
                                    [](Command& command, SnapshotCommand& values) {
                                        command
                                            .option("directory", &values.directory,
                                                    "Directory (default: that of msb's snapshots)")
                                            .names(ValueOf::directory);
                                    });
    add_snapshot_archives(family, context);
    add_snapshot_diff(family, context);
}

} // namespace msb::cli
