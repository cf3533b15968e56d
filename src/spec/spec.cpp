#include "spec/spec.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <sys/random.h>

namespace msb {

namespace {

constexpr std::size_t max_name_bytes = 128;
constexpr std::size_t max_hostname_bytes = 64;

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Status invalid_config(std::string message) {
    return fail(ErrorKind::invalid_argument, "invalid config: " + std::move(message));
}

/// The spec is stored as JSON, which can only hold UTF-8.
Status check_text(std::string_view what, std::string_view text) {
    if (text.find('\0') != std::string_view::npos)
        return invalid_config(std::string(what) + " contains a NUL byte");
    if (valid_utf8_prefix(text) != text.size())
        return invalid_config(std::string(what) + " is not valid UTF-8");
    return {};
}

/// Values may be any bytes but NUL, as everywhere in Unix.
Status check_variable(std::string_view what, const std::string& key, const std::string& value) {
    MSB_TRY(check_text(what, key));
    if (value.find('\0') != std::string::npos)
        return invalid_config(std::string(what) + " '" + key + "' contains a NUL byte");
    return {};
}

Status validate_init(const InitSpec& init) {
    if (init.cmd != "auto" && !init.cmd.starts_with('/'))
        return invalid_config("init must be an absolute path or 'auto': '" + init.cmd + "'");
    MSB_TRY(check_text("init", init.cmd));
    for (const std::string& argument : init.args)
        MSB_TRY(check_text("init argument", argument));
    for (const auto& [key, value] : init.env)
        MSB_TRY(check_variable("init environment variable", key, value));
    return {};
}

} // namespace

void SandboxSpec::set_env(const std::string& key, const std::string& value) {
    for (auto& [name, old] : env) {
        if (name == key) {
            old = value;
            return;
        }
    }
    env.emplace_back(key, value);
}

std::chrono::milliseconds power_off_margin(const SandboxSpec& spec) {
    return std::chrono::seconds(spec.init ? 4 : 2);
}

Status validate_name(std::string_view name) {
    if (name.empty() || name.size() > max_name_bytes)
        return invalid_config("sandbox name must have 1 to 128 bytes, has " +
                              std::to_string(name.size()));
    const bool good = is_alnum(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
                          return is_alnum(c) || c == '.' || c == '_' || c == '-';
                      });
    if (!good)
        return invalid_config(
            "sandbox name must start with an alphanumeric and contain only alphanumeric, "
            "dots, hyphens, and underscores: " +
            std::string(name));
    return {};
}

Status validate_spec(const SandboxSpec& spec) {
    MSB_TRY(validate_name(spec.name));
    if (spec.cpus == 0)
        return invalid_config("cpus must be greater than 0");
    if (spec.memory_mib == 0)
        return invalid_config("memory must be greater than 0");
    if (spec.max_cpus < spec.cpus)
        return invalid_config("max_cpus " + std::to_string(spec.max_cpus) +
                              " must be greater than or equal to cpus " +
                              std::to_string(spec.cpus));
    if (spec.max_memory_mib < spec.memory_mib)
        return invalid_config("max_memory " + std::to_string(spec.max_memory_mib) +
                              " MiB must be greater than or equal to memory " +
                              std::to_string(spec.memory_mib) + " MiB");
    MSB_TRY_WRAP(validate_root_disk(spec.root_disk, spec.memory_mib), "invalid config");
    if (spec.root != RootSource::image && !spec.image.starts_with('/'))
        return invalid_config("a root that is no image is an absolute path: " + spec.image);
    MSB_TRY(check_text("root's file system", spec.root_fstype));
    if (spec.hostname.size() > max_hostname_bytes)
        return invalid_config("hostname is too long: " + std::to_string(spec.hostname.size()) +
                              " bytes (max 64)");
    const bool hostname_good = std::all_of(spec.hostname.begin(), spec.hostname.end(), [](char c) {
        return is_alnum(c) || c == '.' || c == '-' || c == '_';
    });
    if (!hostname_good)
        return invalid_config(
            "hostname may only have letters, digits, dots, hyphens and underscores: " +
            spec.hostname);
    if (!spec.workdir.empty() && spec.workdir[0] != '/')
        return invalid_config("workdir must be an absolute path: " + spec.workdir);
    if (spec.shell.empty() || spec.shell == "/" ||
        spec.shell.find_first_of(" \t\n") != std::string::npos)
        return invalid_config("shell must be a path or a program name: '" + spec.shell + "'");
    for (const auto* list : {&spec.entrypoint, &spec.cmd})
        for (const std::string& word : *list)
            MSB_TRY(check_text("command", word));
    MSB_TRY(validate_scripts(spec.scripts));
    MSB_TRY_WRAP(validate_mounts(spec.mounts), "invalid config");
    MSB_TRY(validate_network(spec.network));
    for (const auto& [key, value] : spec.env)
        MSB_TRY(check_variable("environment variable", key, value));
    for (const auto& [key, value] : spec.labels)
        MSB_TRY(check_text("label '" + key + "'", value));
    if (spec.init)
        MSB_TRY(validate_init(*spec.init));
    if (spec.metrics_interval_ms != 0 && (spec.metrics_interval_ms < least_metrics_interval_ms ||
                                          spec.metrics_interval_ms > most_metrics_interval_ms))
        return invalid_config("the interval of metrics is 0, or 100 ms to a day: " +
                              std::to_string(spec.metrics_interval_ms) + " ms");
    MSB_TRY(check_text("kernel", spec.kernel));
    if (spec.kernel.empty() ||
        (spec.kernel.find('/') != std::string::npos && spec.kernel[0] != '/'))
        return invalid_config("kernel must be auto, a name, or an absolute path: '" + spec.kernel +
                              "'");
    MSB_TRY(check_text("user", spec.user));
    MSB_TRY(check_text("workdir", spec.workdir));
    if ((!spec.entrypoint.empty() && spec.entrypoint[0].empty()) ||
        (spec.entrypoint.empty() && !spec.cmd.empty() && spec.cmd[0].empty()))
        return invalid_config("the command's executable is empty");
    return {};
}

bool SandboxSpec::throws_root_away() const {
    return ephemeral && root == RootSource::image && root_disk.kind != RootDisk::Kind::image;
}

bool SandboxSpec::can_be_cut_off() const {
    const auto has_disk = [](const Mount& mount) {
        return mount.kind != MountKind::tmpfs && !mount.is_shared() && !mount.read_only;
    };
    return throws_root_away() && std::ranges::none_of(mounts, has_disk);
}

namespace {
std::string random_hex(std::size_t bytes) {
    Bytes data(bytes);
    // Cannot fail for so few bytes once the host has booted.
    (void)!::getrandom(data.data(), data.size(), 0);
    return to_hex(data);
}
} // namespace

std::string random_name() {
    return "msb-" + random_hex(4);
}

} // namespace msb
