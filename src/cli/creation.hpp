// Options that `run` and `create` share, and the spec they make together with the image.
#pragma once

#include "api/launcher.hpp"
#include "cli/context.hpp"
#include "cli/network_options.hpp"
#include "cli/parser.hpp"
#include "cli/script_options.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb::cli {

struct CreationOptions {
    std::string image; ///< empty: the embedded default image
    std::string snapshot;
    std::string name;
    std::optional<unsigned> cpus; ///< this and what is empty here: the user's default
    std::optional<unsigned> max_cpus;
    std::string memory;
    std::string max_memory;
    std::string thp;
    std::string root_disk;
    std::vector<std::string> env;
    std::vector<std::string> labels;
    std::vector<std::string> rlimits;
    ScriptOptions scripts;
    std::vector<Given> patches;
    std::vector<std::string> fs_files;
    std::vector<std::string> volumes;
    std::vector<std::string> mount_dirs;
    std::vector<std::string> mount_files;
    std::vector<std::string> mount_named;
    std::vector<std::string> mount_owned;
    std::vector<std::string> mount_disks;
    std::vector<std::string> tmpfs;
    std::string workdir;
    std::string user;
    std::string hostname;
    std::optional<std::string> shell;
    std::optional<std::string> entrypoint;
    std::string security = "default";
    std::string pull = "if-missing";
    std::string engine = "auto";
    std::string kernel = "auto";
    std::string require_isolation;
    std::string init; ///< empty: the agent stays process 1
    std::vector<std::string> init_args;
    std::vector<std::string> init_env;
    NetworkOptions network;
    std::string max_duration;
    std::string idle_timeout;
    std::string metrics_sample_interval;
    bool disable_metrics_sample = false;
    std::string log_level;
    bool replace = false;
    std::string replace_timeout;
    bool insecure = false;
    std::string ca_certs;
    bool quiet = false;
};

void add_creation_options(Command& command, CreationOptions& options);

/// Checks every value. Without --log-level the log level of `context` is used; the command of
/// `context` replaces the image's CMD.
Result<CreateRequest> make_request(const CreationOptions& options, Context& context);

inline constexpr const char* kernel_variable = "MSB_KERNEL";
/// Of --kernel, as a specification has it: paths absolute.
Result<std::string> kernel_choice(const std::string& text);
/// What MSB_KERNEL says; auto if it is not set.
Result<std::string> kernel_choice_of_environment();

/// Variables as -e takes them. A KEY to copy that is not set here is left out, with a warning.
Result<std::vector<std::pair<std::string, std::string>>>
read_environment(const std::vector<std::string>& words);

} // namespace msb::cli
