// msb diff, msb snapshot diff: what differs between disks.
#include "api/diff.hpp"

#include "cli/snapshot.hpp"
#include "json/text.hpp"

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

void print_changes(const std::vector<DiskChange>& changes, const std::string& format) {
    if (format == "json") {
        (void)print(json::to_text(changes_document(changes), 2) + "\n");
        return;
    }
    for (const DiskChange& change : changes) {
        const char mark = change.kind == "added" ? 'A' : change.kind == "removed" ? 'D' : 'C';
        const std::string size = size_text(change);
        (void)print(std::string(1, mark) + " " + printable_line(change.path) +
                    (change.type == 'd' ? "/" : "") + (size.empty() ? "" : "  " + size) + "\n");
    }
}

Status show(Context& context, Session& session, const Result<std::vector<DiskChange>>& changes,
            const std::string& format) {
    if (!changes)
        return unless_interrupted(session, context, changes.error());
    session.progress().clear();
    print_changes(*changes, format);
    return {};
}

Status diff_of_snapshots(Context& context, const DiffCommand& command) {
    Session session = MSB_TRY(Session::open(context, false));
    session.progress().begin("Comparing", "disks");
    return show(
        context, session,
        diff_snapshots(session.launcher(), command.before, command.after, show_bytes(session)),
        command.format);
}

Status diff_of_sandbox(Context& context, const DiffCommand& command) {
    Session session = MSB_TRY(Session::open(context, false));
    session.progress().begin("Comparing", "disks");
    return show(context, session,
                diff_sandbox(session.launcher(), command.after, show_bytes(session)),
                command.format);
}

} // namespace

void add_snapshot_diff(Command& family, Context& context) {
    add_subcommand<DiffCommand>(
        family, context, "diff", "What differs between two snapshots' disks", diff_of_snapshots,
        [](Command& command, DiffCommand& values) {
            command.option("before", &values.before, which_snapshot_help)
                .names(ValueOf::snapshot)
                .required();
            command.option("after", &values.after, which_snapshot_help)
                .names(ValueOf::snapshot)
                .required();
            command.option("--format", &values.format, "Output format").one_of({"json"});
        });
}

void add_diff(Command& parent, Context& context) {
    add_subcommand<DiffCommand>(
        parent, context, "diff",
        "What a stopped sandbox has changed, against the snapshot or image it began with",
        diff_of_sandbox, [](Command& command, DiffCommand& values) {
            command.option("name", &values.after, "Sandbox").names(ValueOf::sandbox).required();
            command.option("--format", &values.format, "Output format").one_of({"json"});
        });
}

} // namespace msb::cli
