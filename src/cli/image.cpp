// msb image list, inspect, remove (and pull, load: see their files)
#include "api/image_json.hpp"
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "json/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>

namespace msb::cli {

namespace {

using image::Digest;
using image::Image;
struct ImageCommand {
    std::vector<std::string> references;
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
    return text.empty() ? "-" : printable(text);
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
    text.add("Architecture", printable(image.architecture));
    text.add("OS", printable(image.os));
    text.add("Size", format_bytes(image.size_bytes));
    text.add("Created", format_local(image.stored_ns));
    text.section("Config");
    text.add_nested("Entrypoint", joined(image.config.entrypoint));
    text.add_nested("Cmd", joined(image.config.cmd));
    text.add_nested("WorkingDir", joined({image.config.working_dir}));
    text.add_nested("User", joined({image.config.user}));
    if (!image.config.stop_signal.empty())
        text.add_nested("StopSignal", printable(image.config.stop_signal));
    for (const std::string& item : image.config.env)
        text.add_nested("Env", printable(item));
    text.section(fmt::format("Layers ({})", image.layers.size()));
    std::string rows;
    for (std::size_t i = 0; i < image.layers.size(); ++i)
        rows += fmt::format(
            "  {:<4}{}  {:>10}  {}\n", i + 1, short_digest(image.layers[i].blob_digest),
            format_bytes(image.layers[i].compressed_size), printable(image.layers[i].media_type));
    (void)print(text.text() + rows);
}

Status inspect(Context& context, const ImageCommand& command) {
    const Home home = MSB_TRY(context.home());
    const Image image = MSB_TRY(image::Store(home.root()).get(command.references.front()));
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
    const auto used = MSB_TRY(session.sandboxes().images_in_use());
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

CLI::App* add(CLI::App& app, Context& context, const char* name, const char* help, Body body,
              const std::shared_ptr<ImageCommand>& options) {
    auto* command = app.add_subcommand(name, help);
    command->group(group_images);
    command->callback([&context, options, body] {
        run_command(context, [&] { return body(context, *options); });
    });
    return command;
}

CLI::App* add_list_command(CLI::App& app, Context& context, const char* name) {
    auto options = std::make_shared<ImageCommand>();
    auto* command = add(app, context, name, "List cached images", list, options);
    command->add_option("--format", options->format, "Output format")
        ->check(CLI::IsMember({"json"}));
    command->add_flag("-q,--quiet", options->quiet, "References only");
    return command;
}

CLI::App* add_remove_command(CLI::App& app, Context& context, const char* name) {
    auto options = std::make_shared<ImageCommand>();
    auto* command = add(app, context, name, "Remove cached images", remove, options);
    command->add_option("references", options->references, "Images")->required();
    command->add_flag("-f,--force", options->force, "Even if a sandbox uses them");
    command->add_flag("-q,--quiet", options->quiet, "No ticks");
    return command;
}

} // namespace

void add_image(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("image", "Manage cached images");
    group->group(group_images);
    group->require_subcommand(1);
    add_pull(*group, context);
    add_load(*group, context);
    add_list_command(*group, context, "list")->alias("ls");
    auto options = std::make_shared<ImageCommand>();
    auto* inspected =
        add(*group, context, "inspect", "Everything about one image", inspect, options);
    inspected->add_option("reference", options->references, "Image")->required()->expected(1);
    inspected->add_option("--format", options->format, "Output format")
        ->check(CLI::IsMember({"json"}));
    add_remove_command(*group, context, "remove")->alias("rm");
    // Flat forms, left out of the help.
    add_list_command(app, context, "images")->group("");
    add_remove_command(app, context, "rmi")->group("");
}

} // namespace msb::cli
