// msb image list, inspect, remove (and pull, load: see their files)
#include "api/image_json.hpp"
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "json/text.hpp"

#include <fmt/format.h>
#include <memory>

namespace msb::cli {

namespace {

using image::Digest;
using image::Image;
struct ImageCommand {
    std::string reference;               ///< of inspect
    std::vector<std::string> references; ///< of remove
    std::string format;
    bool force = false;
    bool quiet = false;
};

std::string short_digest(const Digest& digest) {
    return "sha256:" + digest.hex().substr(0, 12);
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : " ") + word;
    return text.empty() ? "-" : text;
}

/// Text of an image may be any bytes; JSON is UTF-8.
void print_json(const json::Value& document) {
    (void)print(json::to_text(document, 2) + "\n");
}

Status list(Context& context, const ImageCommand& command) {
    const Home home = MSB_TRY(context.home());
    const auto images = MSB_TRY(image::Store(home.root()).list());
    if (command.quiet) {
        for (const Image& image : images)
            (void)print(image.reference + "\n");
        return {};
    }
    if (command.format == "json") {
        json::Value rows = json::array();
        for (const Image& image : images)
            rows.push_back(image_summary(image));
        print_json(rows);
        return {};
    }
    if (images.empty())
        return print_stderr("No images found.\n"), Status();
    Table table({"REFERENCE", "DIGEST", "SIZE", "CREATED"});
    for (const Image& image : images)
        table.add({image.reference, short_digest(image.manifest_digest),
                   format_bytes(image.size_bytes), format_local(image.stored_ns)});
    (void)print(table.render());
    return {};
}

void print_details(const Image& image) {
    KeyValues text;
    text.add("Reference", image.reference);
    text.add("Digest", image.manifest_digest.to_string());
    text.add("Architecture", image.architecture);
    text.add("OS", image.os);
    text.add("Size", format_bytes(image.size_bytes));
    text.add("Created", format_local(image.stored_ns));
    text.section("Config");
    text.add_nested("Entrypoint", joined(image.config.entrypoint));
    text.add_nested("Cmd", joined(image.config.cmd));
    text.add_nested("WorkingDir", joined({image.config.working_dir}));
    text.add_nested("User", joined({image.config.user}));
    if (!image.config.stop_signal.empty())
        text.add_nested("StopSignal", image.config.stop_signal);
    for (const std::string& item : image.config.env)
        text.add_nested("Env", item);
    text.section(fmt::format("Layers ({})", image.layers.size()));
    std::string rows;
    for (std::size_t i = 0; i < image.layers.size(); ++i)
        rows +=
            fmt::format("  {:<4}{}  {:>10}  {}\n", i + 1, short_digest(image.layers[i].blob_digest),
                        format_bytes(image.layers[i].compressed_size),
                        printable_line(image.layers[i].media_type));
    (void)print(text.text() + rows);
}

Status inspect(Context& context, const ImageCommand& command) {
    const Home home = MSB_TRY(context.home());
    const Image image = MSB_TRY(image::Store(home.root()).get(command.reference));
    if (command.format == "json")
        print_json(image_details(image));
    else
        print_details(image);
    return {};
}

/// Names of the sandboxes that were made from an image.
Result<std::string> users_of(Sandboxes& sandboxes, const Digest& manifest) {
    std::string names;
    for (const SandboxView& view : MSB_TRY(sandboxes.list()))
        if (view.spec.manifest_digest == manifest.to_string())
            names += (names.empty() ? "" : ", ") + view.spec.name;
    return names;
}

Status remove_one(Session& session, const std::string& reference, bool force) {
    const auto used = MSB_TRY(session.images_in_use());
    const image::InUse in_use = [&](const Digest& manifest) {
        return std::find(used.begin(), used.end(), manifest.to_string()) != used.end();
    };
    Status removed = session.store().remove(reference, in_use, force);
    if (!removed && removed.error().kind() == ErrorKind::busy)
        if (const auto image = session.store().get(reference))
            if (const auto names = users_of(session.sandboxes(), image->manifest_digest);
                names && !names->empty())
                return fail(Error(ErrorKind::busy, "image in use by sandbox(es): " + *names)
                                .with_hint("remove them first, or use --force"));
    return removed;
}

Status remove(Context& context, const ImageCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    bool failed = false;
    for (const std::string& reference : command.references) {
        const auto begun = std::chrono::steady_clock::now();
        const Status removed = remove_one(session, reference, command.force);
        if (removed && !command.quiet)
            print_done("Removed", reference, std::chrono::steady_clock::now() - begun);
        if (!removed)
            print_error(removed.error());
        failed = failed || !removed;
    }
    return failed ? fail(ErrorKind::system, "some images failed to remove") : Status();
}

using Body = Status (*)(Context&, const ImageCommand&);

void set_action(Command& command, Context& context, Body body,
                const std::shared_ptr<ImageCommand>& options) {
    command.action([&context, options, body] {
        run_command(context, [&] { return body(context, *options); });
    });
}

Command& add_list_command(Command& parent, Context& context, const char* name, const char* group) {
    return parent.add(name, "List cached images", group, [&context](Command& command) {
        auto options = std::make_shared<ImageCommand>();
        command.option("--format", &options->format, "Output format").one_of({"json"});
        command.flag("-q,--quiet", &options->quiet, "References only");
        set_action(command, context, list, options);
    });
}

Command& add_remove_command(Command& parent, Context& context, const char* name,
                            const char* group) {
    return parent.add(name, "Remove cached images", group, [&context](Command& command) {
        auto options = std::make_shared<ImageCommand>();
        command.option("references", &options->references, "Images")
            .names(ValueOf::image)
            .required();
        command.flag("-f,--force", &options->force, "Even if a sandbox uses them");
        command.flag("-q,--quiet", &options->quiet, "No ticks");
        set_action(command, context, remove, options);
    });
}

void add_inspect_command(Command& parent, Context& context) {
    parent.add("inspect", "Everything about one image", group_images, [&context](Command& command) {
        auto options = std::make_shared<ImageCommand>();
        command.option("reference", &options->reference, "Image").names(ValueOf::image).required();
        command.option("--format", &options->format, "Output format").one_of({"json"});
        set_action(command, context, inspect, options);
    });
}

} // namespace

void add_image(Command& parent, Context& context) {
    Command& family = parent.add_family("image", "Manage cached images", group_images);
    add_pull(family, context);
    add_load(family, context);
    add_list_command(family, context, "list", group_images).alias("ls");
    add_inspect_command(family, context);
    add_remove_command(family, context, "remove", group_images).alias("rm");
    add_image_prune(family, context);
    // Flat forms, left out of the help.
    add_list_command(parent, context, "images", group_hidden);
    add_remove_command(parent, context, "rmi", group_hidden);
}

} // namespace msb::cli
