// msb load, msb image load
#include "base/system.hpp"
#include "cli/commands.hpp"
#include "cli/image_progress.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"

#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

struct LoadCommand {
    std::string input;
    std::vector<std::string> tags;
    bool quiet = false;
};

Result<OwnedFd> open_archive(const std::string& path) {
    if (path.empty() || path == "-") {
        if (is_terminal(STDIN_FILENO))
            return fail(Error(ErrorKind::invalid_argument, "no archive to load")
                            .with_hint("name it with -i FILE, or pipe it in"));
        return sys::dup(STDIN_FILENO);
    }
    OwnedFd fd = MSB_TRY_WRAP(sys::open(path, O_RDONLY), "cannot open the archive");
    if (S_ISDIR(MSB_TRY(sys::fstat(fd.get())).st_mode))
        return fail(Error(ErrorKind::invalid_argument, "'" + path + "' is a directory")
                        .with_hint("pipe it in as a tar: tar -C " + path + " -c . | msb load"));
    return fd;
}

Status load(Context& context, const LoadCommand& command) {
    const auto begun = std::chrono::steady_clock::now();
    Session session = MSB_TRY(Session::open(context, command.quiet));
    const OwnedFd archive = MSB_TRY(open_archive(command.input));
    ImageProgress progress(session.progress(), [&] { return session.poll_interrupt(); });
    const auto loaded = session.store().load(archive.get(), command.tags, progress);
    session.progress().clear();
    if (!loaded && session.interrupted()) {
        context.exit_code = 128 + *session.interrupted();
        return {};
    }
    if (!loaded)
        return fail(loaded.error());
    if (!command.quiet)
        for (const image::Image& image : loaded->images)
            print_done("Loaded", image.reference, std::chrono::steady_clock::now() - begun);
    for (const Error& failure : loaded->failures) {
        print_error(failure);
        context.exit_code = 1;
    }
    return {};
}

} // namespace

void add_load(Command& parent, Context& context) {
    parent.add("load", "Load images from a docker-archive or OCI-layout tar, compressed or not",
               group_images, [&context](Command& command) {
                   auto options = std::make_shared<LoadCommand>();
                   command
                       .option("-i,--input", &options->input, "Archive (default: standard input)")
                       .names(ValueOf::file);
                   command.option("-t,--tag", &options->tags,
                                  "One more name for the first image (repeatable)");
                   command.flag("-q,--quiet", &options->quiet, "No progress");
                   command.action([&context, options] {
                       run_command(context, [&] { return load(context, *options); });
                   });
               });
}

} // namespace msb::cli
