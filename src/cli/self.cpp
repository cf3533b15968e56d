// msb self update, downgrade, uninstall (= msb update, downgrade): install.sh does it, with the
// installation that this msb is part of
#include "base/file.hpp"
#include "base/installation.hpp"
#include "base/process.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/parser.hpp"

#include <cstdlib>
#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

/// The home that install.sh has put this installation into, as HOME/lib/microsandbox/versions/ID.
Result<std::string> home_of(const std::string& prefix) {
    const std::string versions = parent_of(prefix);
    constexpr std::string_view place = "/lib/microsandbox/versions";
    if (!versions.ends_with(place))
        return fail(
            Error(ErrorKind::unsupported, "install.sh has not installed this msb: " + prefix)
                .with_hint("update and remove it as it was installed; for Debian's package: apt"));
    return versions.substr(0, versions.size() - place.size());
}

Status become_installer(std::vector<std::string> arguments) {
    const std::string prefix = MSB_TRY(installation_prefix());
    const std::string home = MSB_TRY(home_of(prefix));
    const std::string script = prefix + "/share/microsandbox/install.sh";
    arguments.insert(arguments.begin(), script);
    if (::setenv("MSB_HOME", home.c_str(), 1) != 0)
        return fail_errno("setenv");
    ::execv(script.c_str(), exec_pointers(arguments).data());
    return fail(explain_execve(fail_errno("execve", script).error(), script));
}

struct UpdateOptions {
    std::string from;
    std::string key;
    bool force = false;
};

void add_update(Command& parent, Context& context, const char* group) {
    const auto build = [&context](Command& command) {
        auto options = std::make_shared<UpdateOptions>();
        command.option("--from", &options->from,
                       "Directory or URL of a release (default: where it was installed from)");
        command.option("--key", &options->key,
                       "PEM file of the public key that signs it (default: the one of before)");
        command.flag("-f,--force", &options->force, "Also what is current, or older");
        command.footer("What runs goes on with its own version. `msb self downgrade` undoes it.");
        command.action([&context, options] {
            std::vector<std::string> arguments;
            if (!options->from.empty())
                arguments.insert(arguments.end(), {"--from", options->from});
            if (!options->key.empty())
                arguments.insert(arguments.end(), {"--key", options->key});
            if (options->force)
                arguments.emplace_back("--force");
            run_command(context, [&] { return become_installer(std::move(arguments)); });
        });
    };
    parent.add("update", "Install a newer version in place of this one", group, build)
        .alias("upgrade");
}

void add_downgrade(Command& parent, Context& context, const char* group) {
    parent.add("downgrade", "Return to the version before the last update", group,
               [&context](Command& command) {
                   auto version = std::make_shared<std::string>();
                   command.option("version", version.get(), "Refuse if it is another than this");
                   command.action([&context, version] {
                       std::vector<std::string> arguments = {"--downgrade"};
                       if (!version->empty())
                           arguments.push_back(*version);
                       run_command(context, [&] { return become_installer(std::move(arguments)); });
                   });
               });
}

void add_uninstall(Command& parent, Context& context) {
    parent.add("uninstall", "Remove the programs; sandboxes, images and volumes stay",
               group_installation, [&context](Command& command) {
                   auto yes = std::make_shared<bool>(false);
                   command.flag("-y,--yes", yes.get(), "Do not ask");
                   command.action([&context, yes] {
                       std::vector<std::string> arguments = {"--uninstall"};
                       if (*yes)
                           arguments.emplace_back("--yes");
                       run_command(context, [&] { return become_installer(std::move(arguments)); });
                   });
               });
}

} // namespace

void add_self(Command& self, Command& parent, Context& context) {
    for (Command* place : {&self, &parent}) {
        const char* group = place == &self ? group_installation : group_hidden;
        add_update(*place, context, group);
        add_downgrade(*place, context, group);
    }
    add_uninstall(self, context);
}

} // namespace msb::cli
