// msb config: the user's config.json, as it is, as it should be, and as a schema for editors.
#include "api/configuration.hpp"
#include "base/file.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "image/user_config.hpp"
#include "json/text.hpp"

#include <fmt/format.h>
#include <memory>

namespace msb::cli {

namespace {

Status show(const std::string& format) {
    // Not Context::home(), which would make it.
    const Home home = MSB_TRY(Home::from_environment());
    const image::UserConfig config = MSB_TRY(image::read_user_config(home.root()));
    const std::vector<ConfigSetting> settings = config_settings(config.content);
    if (format == "json") {
        json::Value rows = json::array();
        for (const ConfigSetting& setting : settings)
            rows.push_back({{"key", setting.key},
                            {"value", setting.value},
                            {"source", setting.from_file ? "file" : "default"}});
        const json::Value document = {
            {"path", config.path}, {"exists", !config.content.is_null()}, {"settings", rows}};
        (void)print(json::to_text(document, 2) + "\n");
        return {};
    }
    Table table({"KEY", "VALUE", "FROM"});
    for (const ConfigSetting& setting : settings)
        table.add({setting.key, setting.value.is_null() ? "-" : json::to_text(setting.value),
                   setting.from_file ? config.path : "default"});
    (void)print(table.render());
    return {};
}

struct ValidateOptions {
    std::string file;
    std::string format;
};

/// A configuration that is not there is as good as an empty one; a file that was named is not.
Result<std::string> text_to_check(const std::string& path, bool named) {
    auto text = read_file(path, image::max_user_config_bytes);
    if (!text && !named && text.error().kind() == ErrorKind::not_found)
        return std::string("{}");
    return text;
}

Status validate(Context& context, const ValidateOptions& options) {
    const bool named = !options.file.empty();
    const std::string path =
        named ? options.file : image::user_config_path(MSB_TRY(Home::from_environment()).root());
    const std::string text = MSB_TRY(text_to_check(path, named));
    const std::vector<ConfigProblem> problems = check_config(text);
    context.exit_code = problems.empty() ? 0 : exit_failure;
    if (options.format == "json") {
        json::Value rows = json::array();
        for (const ConfigProblem& problem : problems)
            rows.push_back({{"line", problem.line > 0 ? json::Value(problem.line) : json::Value()},
                            {"message", problem.text},
                            {"hint", json::or_null(problem.hint)}});
        const json::Value document = {
            {"path", path}, {"valid", problems.empty()}, {"problems", rows}};
        (void)print(json::to_text(document, 2) + "\n");
        return {};
    }
    for (const ConfigProblem& problem : problems) {
        const std::string place =
            problem.line > 0 ? fmt::format("{}:{}", path, problem.line) : path;
        print_error(place + ": " + problem.text,
                    problem.hint.empty() ? std::vector<std::string>() : std::vector{problem.hint});
    }
    if (problems.empty())
        (void)print(printable_line(path) + " is valid\n");
    return {};
}

} // namespace

void add_config(Command& parent, Context& context) {
    Command& config = parent.add_family("config", "The user's configuration", group_installation);
    config.add("show", "All settings, and where each comes from", group_installation,
               [&context](Command& command) {
                   auto format = std::make_shared<std::string>();
                   command.option("--format", format.get(), "Output format").one_of({"json"});
                   command.action(
                       [&context, format] { run_command(context, [&] { return show(*format); }); });
               });
    config.add("validate", "Everything that is wrong with a configuration file", group_installation,
               [&context](Command& command) {
                   auto options = std::make_shared<ValidateOptions>();
                   command.option("file", &options->file, "File (default: the one that msb reads)")
                       .names(ValueOf::file);
                   command.option("--format", &options->format, "Output format").one_of({"json"});
                   command.footer("Exits with 1 if there is anything.");
                   command.action([&context, options] {
                       run_command(context, [&] { return validate(context, *options); });
                   });
               });
    config.add("schema", "The JSON Schema of the file, for editors", group_installation,
               [](Command& command) {
                   command.action([] { (void)print(json::to_text(config_schema(), 2) + "\n"); });
               });
}

} // namespace msb::cli
