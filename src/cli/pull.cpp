// msb pull, msb image pull
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"

#include <memory>

namespace msb::cli {

namespace {

struct PullCommand {
    std::string reference;
    std::string ca_certs;
    std::string platform;
    bool force = false;
    bool insecure = false;
    bool quiet = false;
};

Status pull(Context& context, const PullCommand& command) {
    const auto begun = std::chrono::steady_clock::now();
    Session session = MSB_TRY(Session::open(context, command.quiet));
    // Without --force the registry is asked only if the image is not there.
    image::PullOptions options{
        .force = command.force, .insecure = command.insecure, .ca_certs = command.ca_certs};
    if (!command.platform.empty())
        options.platform = MSB_TRY(image::Platform::parse(command.platform));
    const auto result = session.pull(command.reference, options);
    if (!result && session.interrupted()) {
        context.exit_code = 128 + *session.interrupted();
        return {};
    }
    if (!result)
        return fail(result.error());
    if (!command.quiet)
        print_done("Pulled", command.reference + (result->cached ? " (already cached)" : ""),
                   std::chrono::steady_clock::now() - begun);
    return {};
}

} // namespace

void add_pull(Command& parent, Context& context) {
    parent.add("pull", "Get an image from a registry", group_images, [&context](Command& command) {
        auto options = std::make_shared<PullCommand>();
        command.option("reference", &options->reference, "Image, e.g. alpine:3.20")
            .names(ValueOf::image)
            .required();
        command.flag("-f,--force", &options->force, "Fetch and store everything again");
        command.flag("--insecure", &options->insecure, "Plain HTTP to the registry");
        command
            .option("--ca-certs", &options->ca_certs,
                    "PEM file of certificates to trust besides the system's")
            .names(ValueOf::file);
        command.option("--platform", &options->platform,
                       "Another platform than this machine's, e.g. linux/arm64");
        command.flag("-q,--quiet", &options->quiet, "No progress");
        command.action(
            [&context, options] { run_command(context, [&] { return pull(context, *options); }); });
    });
}

} // namespace msb::cli
