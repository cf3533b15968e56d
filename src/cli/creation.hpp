// Options that `run` and `create` share, and the spec they make together with the image.
#pragma once

#include "base/log.hpp"
#include "cli/script_options.hpp"
#include "image/image.hpp"
#include "image/store.hpp"
#include "spec/spec.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb::cli {

class Command;

struct CreationOptions {
    std::string image; ///< empty: the embedded default image
    std::string name;
    unsigned cpus = 1;
    std::optional<unsigned> max_cpus;
    std::string memory = "512M";
    std::string max_memory;
    std::string thp = "madvise";
    std::string root_disk;
    std::vector<std::string> env;
    std::vector<std::string> labels;
    std::vector<std::string> rlimits;
    ScriptOptions scripts;
    std::vector<std::string> volumes;
    std::vector<std::string> mount_dirs;
    std::vector<std::string> mount_files;
    std::string workdir;
    std::string user;
    std::string hostname;
    std::optional<std::string> shell;
    std::optional<std::string> entrypoint;
    std::string security = "default";
    std::string pull = "if-missing";
    std::string engine = "auto";
    std::string require_isolation;
    std::string init; ///< empty: the agent stays process 1
    std::vector<std::string> init_args;
    std::vector<std::string> init_env;
    bool no_net = false;
    std::vector<std::string> net;
    std::vector<std::string> publish;
    std::string max_duration;
    std::string idle_timeout;
    std::string log_level;
    bool replace = false;
    std::string replace_timeout;
    bool insecure = false;
    bool quiet = false;
};

void add_creation_options(Command& command, CreationOptions& options);

/// The user's part: every value checked, nothing from an image yet. `global_log_level` is used if
/// --log-level is not given.
Result<SandboxSpec> make_spec(const CreationOptions& options, log::Level global_log_level);

/// Adds the image's defaults where the user gave nothing. `command` replaces the image's CMD.
void merge_image(SandboxSpec& spec, const image::Image& image, const CreationOptions& options,
                 const std::optional<std::vector<std::string>>& command);

Result<image::PullPolicy> parse_pull_policy(std::string_view text);
/// Grace before a replaced sandbox is killed.
Result<std::uint64_t> replace_grace_ms(const CreationOptions& options);

} // namespace msb::cli
