// msb doctor (= msb self doctor): can sandboxes run here, how are they isolated, what would be
// better
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/creation.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "engine/diagnosis.hpp"
#include "json/text.hpp"

#include <fmt/format.h>
#include <memory>

namespace msb::cli {

namespace {

using engine::Check;
using engine::Diagnosis;

json::Value to_json(const Diagnosis& diagnosis, const std::string& home) {
    json::Value json = {{"healthy", diagnosis.healthy()},
                        {"platform", diagnosis.platform},
                        {"version", MSB_VERSION},
                        {"home", home},
                        {"engine", nullptr},
                        {"checks", json::array()}};
    if (diagnosis.engine)
        json["engine"] = {{"kind", to_string(diagnosis.engine->kind)},
                          {"isolation", to_string(diagnosis.engine->isolation)},
                          {"reason", diagnosis.engine->reason}};
    for (const Check& check : diagnosis.checks) {
        json::Value entry = {
            {"id", check.id}, {"status", to_string(check.level)}, {"value", check.value}};
        if (!check.detail.empty())
            entry["detail"] = check.detail;
        if (!check.hint.empty())
            entry["hint"] = check.hint;
        json["checks"].push_back(std::move(entry));
    }
    return json;
}

std::string mark(Check::Level level) {
    switch (level) {
    case Check::Level::ok: return styled(1, Style::green, "✓");
    case Check::Level::advice: return styled(1, Style::yellow, "!");
    case Check::Level::problem: return styled(1, Style::bold_red, "✗");
    }
    return "?";
}

std::string to_text(const Diagnosis& diagnosis, const std::string& home) {
    const std::string info = styled(1, Style::cyan, "info");
    std::string text = fmt::format("{0} Platform: {1}\n{0} Version: v{2}\n{0} MSB_HOME: {3}\n\n",
                                   info, diagnosis.platform, MSB_VERSION, home);
    for (const Check& check : diagnosis.checks)
        text += fmt::format("{} {:<12} {}\n", mark(check.level), check.label, check.value);
    for (const Check& check : diagnosis.checks) {
        if (check.level == Check::Level::ok)
            continue;
        const std::string kind = check.level == Check::Level::problem
                                     ? styled(1, Style::bold_red, "error:")
                                     : styled(1, Style::yellow, "warn:");
        text += fmt::format("\n{} {}: {}\n", kind, check.label, printable(check.detail));
        if (!check.hint.empty())
            text += fmt::format("  → {}\n", check.hint);
    }
    return text;
}

Status examine(Context& context, const std::string& format) {
    const Home home = MSB_TRY(Home::from_environment()); // creates nothing
    const Installation installation = MSB_TRY(context.installation());
    const std::string kernel = MSB_TRY(kernel_choice_of_environment());
    const Diagnosis diagnosis = engine::diagnose({.home = home.root(),
                                                  .share = installation.share(),
                                                  .programs = {installation.program("runtime")},
                                                  .kernel = kernel});
    (void)print(format == "json" ? json::to_text(to_json(diagnosis, home.root()), 2) + "\n"
                                 : to_text(diagnosis, home.root()));
    if (!diagnosis.healthy())
        context.exit_code = exit_failure;
    return {};
}

void add_to(Command& parent, Context& context) {
    const auto build = [&context](Command& command) {
        auto format = std::make_shared<std::string>();
        command.option("--format", format.get(), "Output format").one_of({"json"});
        command.action([&context, format] {
            run_command(context, [&] { return examine(context, *format); });
        });
    };
    parent
        .add("doctor",
             "Whether sandboxes can run here, how they are isolated, what would be better",
             group_installation, build)
        .alias("check");
}

} // namespace

void add_doctor(Command& self, Command& parent, Context& context) {
    add_to(parent, context);
    add_to(self, context);
}

} // namespace msb::cli
