#include "cli/script_options.hpp"

#include "base/file.hpp"
#include "cli/parser.hpp"

namespace msb::cli {

namespace {

Result<std::pair<std::string, std::string>> split(const std::string& text, char separator,
                                                  const char* form) {
    const std::size_t at = text.find(separator);
    if (at == std::string::npos)
        return fail(ErrorKind::invalid_argument,
                    "script must be in format " + std::string(form) + ": " + text.substr(0, 100));
    return std::pair(text.substr(0, at), text.substr(at + 1));
}

Status add(Scripts& scripts, const std::string& name, std::string body) {
    if (!scripts.emplace(name, std::move(body)).second)
        return fail(ErrorKind::invalid_argument,
                    "script name '" + name + "' specified more than once");
    return {};
}

} // namespace

void add_script_options(Command& command, ScriptOptions& options) {
    command.option("--script", &options.text,
                   "NAME=BODY: a shell script on every command's PATH; \\n is a new line "
                   "(repeatable)");
    command.option("--script-raw", &options.raw, "NAME=BODY, verbatim (repeatable)");
    command.option("--script-path", &options.path, "NAME:PATH of a file of ours (repeatable)");
}

Result<Scripts> make_scripts(const ScriptOptions& options, const std::string& shell) {
    Scripts scripts;
    for (const std::string& text : options.text) {
        const auto [name, body] = MSB_TRY(split(text, '=', "NAME=BODY"));
        MSB_TRY(add(scripts, name, script_from_text(body, shell)));
    }
    for (const std::string& text : options.raw) {
        const auto [name, body] = MSB_TRY(split(text, '=', "NAME=BODY"));
        MSB_TRY(add(scripts, name, body));
    }
    for (const std::string& text : options.path) {
        const auto [name, path] = MSB_TRY(split(text, ':', "NAME:PATH"));
        auto body = MSB_TRY_WRAP(read_file(path, max_scripts_bytes),
                                 "cannot read the script '" + name + "'");
        MSB_TRY(add(scripts, name, std::move(body)));
    }
    MSB_TRY(validate_scripts(scripts));
    return scripts;
}

} // namespace msb::cli
