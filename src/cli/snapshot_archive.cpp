// msb snapshot export, import
#include "sandbox/snapshot_archive.hpp"

#include "cli/snapshot.hpp"

namespace msb::cli {

namespace {

struct ExportCommand {
    ExportRequest request;
    bool quiet = false;
};

struct ImportCommand {
    ImportRequest request;
    bool quiet = false;
};

Status export_archive(Context& context, const ExportCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    session.progress().begin("Exporting", command.request.which);
    const auto written = export_snapshot(session.snapshots(), command.request, show_bytes(session));
    if (!written)
        return unless_interrupted(session, context, written.error());
    session.progress().clear();
    if (!command.quiet)
        (void)print(printable_line(*written) + "\n");
    return {};
}

Status import_archive(Context& context, const ImportCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    session.progress().begin("Importing", command.request.file);
    const auto taken = import_snapshot(session.snapshots(), command.request, show_bytes(session));
    if (!taken)
        return unless_interrupted(session, context, taken.error());
    session.progress().clear();
    print_snapshot(*taken, command.quiet);
    return {};
}

void add_export_options(Command& command, ExportCommand& values) {
    ExportRequest& request = values.request;
    command.option("snapshot", &request.which, which_snapshot_help)
        .names(ValueOf::snapshot)
        .required();
    const Option file = command.option("file", &request.file, "File to write").names(ValueOf::file);
    const Option output = command.option("-o,--output", &request.file, "The same")
                              .names(ValueOf::file)
                              .excludes(file);
    command.require_any({file, output}, "a file to write");
    const Option parents = command.flag("--with-parents", &request.with_parents,
                                        "Also all snapshots that it came from");
    command.flag("--with-image", &request.with_image, "Also the image, so that it starts offline");
    command
        .option("--since", &request.since,
                "Only what differs from the disk of this snapshot, which has to be there at import")
        .names(ValueOf::snapshot)
        .excludes(parents)
        .not_empty("a snapshot has a name, a path or a digest");
    command.flag("--plain-tar", &request.plain, "Do not compress");
    command.flag("-f,--force", &request.force, "Replace a file that is there");
    command.flag("-q,--quiet", &values.quiet, "No progress, no output");
}

void add_import_options(Command& command, ImportCommand& values) {
    ImportRequest& request = values.request;
    command.option("file", &request.file, "Archive; - is standard input")
        .names(ValueOf::file)
        .required();
    command
        .option("directory", &request.directory,
                "Directory for it (default: that of msb's snapshots)")
        .names(ValueOf::directory);
    command.option("-n,--name", &request.name, "Name (default: the one that it had)");
    command.flag("-f,--force", &request.force, "Replace a snapshot that is there");
    command.flag("-q,--quiet", &values.quiet, "No progress; the digest only");
}

} // namespace

void add_snapshot_archives(Command& family, Context& context) {
    add_subcommand<ExportCommand>(family, context, "export", "Write a snapshot into one file",
                                  export_archive, add_export_options)
        .alias("save");
    add_subcommand<ImportCommand>(family, context, "import", "Take in such a file", import_archive,
                                  add_import_options)
        .alias("load");
}

} // namespace msb::cli
