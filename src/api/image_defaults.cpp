#include "api/image_defaults.hpp"

#include <algorithm>
#include <array>

namespace msb {

namespace {

/// If an image's entrypoint is an init, that is what `--init auto` means. The agent starts it when
/// it hands process 1 over, so it is taken out of the entrypoint.
void take_init_from_entrypoint(SandboxSpec& spec) {
    static constexpr std::array<std::string_view, 4> known = {
        "/init", "/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd"};
    if (!spec.init || spec.init->cmd != "auto" || spec.entrypoint.empty() ||
        std::ranges::find(known, spec.entrypoint[0]) == known.end())
        return;
    spec.init->cmd = spec.entrypoint[0];
    spec.init->args.insert(spec.init->args.begin(), spec.entrypoint.begin() + 1,
                           spec.entrypoint.end());
    spec.entrypoint.clear();
}

} // namespace

void merge_image(SandboxSpec& spec, const image::Image& image, const UserChoice& choice) {
    spec.image = image.reference;
    spec.manifest_digest = image.manifest_digest.to_string();
    for (const std::string& item : image.config.env) {
        const auto equals = item.find('=');
        if (equals != std::string::npos && equals > 0)
            spec.set_env(item.substr(0, equals), item.substr(equals + 1));
    }
    for (const auto& [key, value] : choice.env)
        spec.set_env(key, value);
    for (const auto& [key, value] : image.config.labels)
        if (parse_label(key)) // reserved prefixes of an image are dropped
            spec.labels.emplace(key, value);
    spec.entrypoint = choice.entrypoint ? *choice.entrypoint : image.config.entrypoint;
    // A build file writes this to remove the entrypoint of the image below.
    if (spec.entrypoint.size() == 1 && spec.entrypoint[0].empty())
        spec.entrypoint.clear();
    if (choice.cmd)
        spec.cmd = *choice.cmd;
    else if (!choice.entrypoint)
        spec.cmd = image.config.cmd; // another entrypoint does not take the image's arguments
    take_init_from_entrypoint(spec);
    if (spec.workdir.empty())
        spec.workdir = image.config.working_dir;
    if (spec.user.empty())
        spec.user = image.config.user;
    spec.stop_signal = image.config.stop_signal;
}

} // namespace msb
