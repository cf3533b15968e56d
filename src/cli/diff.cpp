// msb diff, msb snapshot diff: what differs between disks.
#include "cli/snapshot.hpp"
#include "json/text.hpp"
#include "sandbox/disk_copy.hpp"
#include "sandbox/disk_diff.hpp"
#include "spec/files.hpp"

namespace msb::cli {

namespace {

struct DiffCommand {
    std::string before;
    std::string after;
    std::string format;
};

std::string size_text(const DiskChange& change) {
    if (change.size_before && change.size_after)
        return format_bytes(*change.size_before) + " → " + format_bytes(*change.size_after);
    if (change.size_before || change.size_after)
        return format_bytes(change.size_after.value_or(change.size_before.value_or(0)));
    return {};
}

const char* type_name(char type) {
    switch (type) {
    case 'f': return "file";
    case 'd': return "directory";
    case 'l': return "link";
    default: return "other";
    }
}

void print_changes(const std::vector<DiskChange>& changes, const std::string& format) {
    if (format == "json") {
        json::Value rows = json::array();
        for (const DiskChange& change : changes)
            rows.push_back({{"path", change.path},
                            {"change", change.kind},
                            {"type", type_name(change.type)},
                            {"size_before", change.size_before},
                            {"size_after", change.size_after}});
        (void)print(json::to_text(rows, 2) + "\n");
        return;
    }
    for (const DiskChange& change : changes) {
        const char mark = change.kind == "added" ? 'A' : change.kind == "removed" ? 'D' : 'C';
        const std::string size = size_text(change);
        (void)print(std::string(1, mark) + " " + printable_line(change.path) +
                    (change.type == 'd' ? "/" : "") + (size.empty() ? "" : "  " + size) + "\n");
    }
}

Status show(Context& context, Session& session, const std::string& before, const std::string& after,
            const std::string& format) {
    session.progress().begin("Comparing", "disks");
    const auto changes = diff_disks(before, after, show_bytes(session));
    if (!changes)
        return unless_interrupted(session, context, changes.error());
    session.progress().clear();
    print_changes(*changes, format);
    return {};
}

Status diff_snapshots(Context& context, const DiffCommand& command) {
    Session session = MSB_TRY(Session::open(context, false));
    const Snapshot before = MSB_TRY(session.snapshots().open(command.before));
    const Snapshot after = MSB_TRY(session.snapshots().open(command.after));
    if (before.manifest.image_digest != after.manifest.image_digest)
        return fail(ErrorKind::invalid_argument, "the snapshots were made with different images");
    return show(context, session, before.disk(), after.disk(), command.format);
}

/// With the snapshot that it began with, or else with its image.
Status diff_sandbox(Context& context, const DiffCommand& command) {
    Session session = MSB_TRY(Session::open(context, false));
    auto still = session.sandboxes().hold_still(command.after);
    if (!still && still.error().kind() == ErrorKind::busy)
        return fail(Error(still.error())
                        .with_hint("stop it, or compare a snapshot of it: msb snapshot diff"));
    const Sandboxes::Still held = MSB_TRY(std::move(still));
    const SandboxSpec& spec = held.view.spec;
    std::string before;
    if (!spec.snapshot.empty())
        before = MSB_TRY(session.snapshots().open(spec.snapshot)).disk();
    return show(context, session, before, MSB_TRY(own_disk(session.home(), spec)), command.format);
}

} // namespace

void add_snapshot_diff(Command& family, Context& context) {
    add_subcommand<DiffCommand>(
        family, context, "diff", "What differs between two snapshots' disks", diff_snapshots,
        [](Command& command, DiffCommand& values) {
            command.option("before", &values.before, which_snapshot_help).required();
            command.option("after", &values.after, which_snapshot_help).required();
            command.option("--format", &values.format, "Output format").one_of({"json"});
        });
}

void add_diff(Command& parent, Context& context) {
    add_subcommand<DiffCommand>(
        parent, context, "diff",
        "What a stopped sandbox has changed, against the snapshot or image it began with",
        diff_sandbox, [](Command& command, DiffCommand& values) {
            command.option("name", &values.after, "Sandbox").required();
            command.option("--format", &values.format, "Output format").one_of({"json"});
        });
}

} // namespace msb::cli
