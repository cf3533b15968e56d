#include "cli/creation.hpp"

#include "api/configuration.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "sandbox/disk_patch.hpp"

#include <cstdlib>
#include <memory>

namespace msb::cli {

namespace {

Result<InitSpec> make_init(const CreationOptions& options) {
    InitSpec init{options.init, options.init_args, {}};
    init.env = MSB_TRY(read_environment(options.init_env));
    return init;
}

} // namespace

namespace {

void add_resource_options(Command& command, CreationOptions& options) {
    command.option("-c,--cpus", &options.cpus, "Virtual CPUs (default: 1)");
    command.option("--max-cpus", &options.max_cpus,
                   "What --cpus may be raised to while it runs (default: as --cpus)");
    command.option("-m,--memory", &options.memory, "Memory, e.g. 1G (default: 512M)");
    command.option("--max-memory", &options.max_memory,
                   "What --memory may be raised to while it runs (default: as --memory)");
    command.option("--thp", &options.thp, "Transparent huge pages in the guest (default: madvise)")
        .one_of({"always", "madvise", "never"});
    command.option("--root-disk", &options.root_disk,
                   "What takes what is written to the root: 10G (default: 4G), tmpfs[:SIZE], "
                   "flat[:SIZE], or a disk image: PATH[:fstype=T]");
}

void add_guest_options(Command& command, CreationOptions& options) {
    command.option("-e,--env", &options.env, "KEY=value, or KEY to copy ours (repeatable)");
    command.option("--label", &options.labels, "KEY=VALUE (repeatable)");
    command.option("-v,--volume", &options.volumes,
                   "HOST:/GUEST[:OPTION,...]: a directory or file of the host; or NAME:/GUEST: a "
                   "volume, made if there is none (repeatable)");
    command.option("--mount-dir", &options.mount_dirs,
                   "HOST:/GUEST[:OPTION,...], and HOST has to be a directory (repeatable)");
    command.option("--mount-file", &options.mount_files,
                   "HOST:/GUEST[:OPTION,...], and HOST has to be a regular file (repeatable)");
    command.option("--mount-named", &options.mount_named,
                   "NAME:/GUEST[:OPTION,...]: a volume; kind=disk,size=10G or quota=1G say what is "
                   "made if there is none (repeatable)");
    command.option(
        "--mount-owned", &options.mount_owned,
        "/GUEST[:OPTION,...]: a volume of this sandbox alone, removed with it (repeatable)");
    command.option("--mount-disk", &options.mount_disks,
                   "FILE:/GUEST[:OPTION,...]: the file system in a disk image; "
                   "format=raw|qcow2|vmdk, fstype=TYPE (repeatable)");
    command.option("--tmpfs", &options.tmpfs,
                   "/GUEST[:SIZE][:OPTION,...]: a file system in memory (repeatable)");
    command.option("-w,--workdir", &options.workdir, "Working directory in the guest");
    command.option("-u,--user", &options.user, "name|uid[:group|gid]");
    command.option("-H,--hostname", &options.hostname, "Host name (default: from the name)");
    command.option("--shell", &options.shell, "Shell for interactive use (default: /bin/sh)");
    command.option("--entrypoint", &options.entrypoint, "Replaces the image's ENTRYPOINT");
    command
        .option("--security", &options.security,
                "restricted: no new privileges, no CAP_SYS_ADMIN, guest users isolated from "
                "the guest kernel")
        .one_of({"default", "restricted"})
        .shows_default();
}

void add_patch_options(Command& command, CreationOptions& options) {
    command.listed("--copy", &options.patches,
                   "SRC:/DST: copy a file or directory into a new sandbox (repeatable)");
    command.listed("--copy-file", &options.patches, "The same, and SRC has to be a regular file");
    command.listed("--copy-dir", &options.patches, "The same, and SRC has to be a directory");
    command.listed("--mkdir", &options.patches, "Make a directory in a new sandbox (repeatable)");
    command.listed("--rm", &options.patches, "Remove a path of the image (repeatable)");
    command
        .option("--fs-conf", &options.fs_files,
                "YAML or JSON file of patches: text, append, symlink, ... (repeatable)")
        .names(ValueOf::file);
}

void add_source_options(Command& command, CreationOptions& options) {
    command.option("--pull", &options.pull, "When to ask the registry: always|if-missing|never")
        .shows_default();
    command.flag("--insecure", &options.insecure, "Plain HTTP to the registry");
    command
        .option("--ca-certs", &options.ca_certs,
                "PEM file of certificates to trust besides the system's")
        .names(ValueOf::file);
    command.option("--engine", &options.engine, "What runs the guest: auto|kvm|uml")
        .one_of({"auto", "kvm", "uml"})
        .environment("MSB_ENGINE")
        .shows_default();
    command
        .option("--kernel", &options.kernel,
                "Guest kernel: auto, a bundle's name as `msb doctor` shows it, or its path")
        .environment(kernel_variable)
        .names(ValueOf::file)
        .shows_default();
    command
        .option("--require-isolation", &options.require_isolation,
                "hardware: fail rather than run without hardware virtualisation")
        .one_of({"hardware", "any"});
}

void add_init_options(Command& command, CreationOptions& options) {
    const Option init =
        command
            .option("--init", &options.init,
                    "Init system that becomes process 1 of the guest: absolute path, or auto")
            .last_counts();
    command.option("--init-arg", &options.init_args, "Argument of the init (repeatable)")
        .needs(init);
    command.option("--init-env", &options.init_env, "KEY=value for the init only (repeatable)")
        .needs(init);
}

void add_lifetime_options(Command& command, CreationOptions& options) {
    command.option("--max-duration", &options.max_duration, "Stop after this long, e.g. 1h");
    command.option("--idle-timeout", &options.idle_timeout,
                   "Stop after this long without activity, e.g. 10m");
    const Option interval =
        command.option("--metrics-sample-interval", &options.metrics_sample_interval,
                       "How often metrics are taken, e.g. 500ms; 0: never (default: 1s)");
    command.flag("--disable-metrics-sample", &options.disable_metrics_sample, "Take no metrics")
        .excludes(interval);
    command.option("--log-level", &options.log_level, "Of the runtime process")
        .one_of({"error", "warn", "info", "debug", "trace"});
    command.flag("--replace", &options.replace, "Stop and remove a sandbox of this name first");
    command.option("--replace-with-timeout,--replace-grace", &options.replace_timeout,
                   "Like --replace; grace before the old one is killed (default: 10s)");
    command.option("--rlimit", &options.rlimits,
                   "RESOURCE=LIMIT or SOFT:HARD, of every command (repeatable)");
}

} // namespace

void add_creation_options(Command& command, CreationOptions& options) {
    const Option image =
        command
            .option("image", &options.image,
                    "Image reference, e.g. alpine:3.20 (default: the embedded busybox image)")
            .names(ValueOf::image);
    command
        .option("--from-snapshot,--from,--snapshot", &options.snapshot,
                "Begin with the disk of a snapshot (name, path or digest), and with its image")
        .not_empty("a snapshot has a name, a path or a digest")
        .names(ValueOf::snapshot)
        .excludes(image);
    command.option("-n,--name", &options.name, "Name (default: msb- and 8 hex digits)");
    add_resource_options(command, options);
    add_guest_options(command, options);
    add_patch_options(command, options);
    add_source_options(command, options);
    add_init_options(command, options);
    add_network_options(command, options.network);
    add_lifetime_options(command, options);
    add_script_options(command, options.scripts);
    command.flag("-q,--quiet", &options.quiet, "No progress");
}

namespace {

Status add_resources(SandboxSpec& spec, const CreationOptions& options) {
    spec.cpus = options.cpus.value_or(spec.cpus);
    spec.max_cpus = options.max_cpus.value_or(spec.cpus);
    if (!options.memory.empty())
        spec.memory_mib = MSB_TRY(parse_memory_mib(options.memory));
    spec.max_memory_mib = options.max_memory.empty()
                              ? spec.memory_mib
                              : MSB_TRY(parse_memory_mib(options.max_memory));
    if (!options.thp.empty())
        spec.thp = options.thp;
    if (!options.root_disk.empty())
        spec.root_disk = MSB_TRY(parse_root_disk(options.root_disk));
    for (const std::string& text : options.rlimits)
        spec.rlimits.push_back(MSB_TRY(parse_rlimit(text)));
    if (!options.max_duration.empty())
        spec.max_duration_seconds = MSB_TRY(parse_duration_ms(options.max_duration)) / 1000;
    if (!options.idle_timeout.empty())
        spec.idle_timeout_seconds = MSB_TRY(parse_duration_ms(options.idle_timeout)) / 1000;
    return {};
}

Status add_guest(SandboxSpec& spec, const CreationOptions& options) {
    for (const auto& [option, list] : {std::pair{"volume", &options.volumes},
                                       {"mount-dir", &options.mount_dirs},
                                       {"mount-file", &options.mount_files},
                                       {"mount-named", &options.mount_named},
                                       {"mount-owned", &options.mount_owned},
                                       {"mount-disk", &options.mount_disks},
                                       {"tmpfs", &options.tmpfs}})
        for (const std::string& text : *list)
            spec.mounts.push_back(MSB_TRY(parse_mount(option, text)));
    if (!options.workdir.empty())
        spec.workdir = options.workdir;
    spec.user = options.user;
    spec.hostname = options.hostname.empty() ? derived_hostname(spec.name) : options.hostname;
    if (options.shell) {
        if (valid_utf8_prefix(*options.shell) != options.shell->size())
            return fail(ErrorKind::invalid_argument, "the shell's name is not UTF-8");
        spec.shell = *options.shell;
    }
    spec.scripts = MSB_TRY(make_scripts(options.scripts, spec.shell));
    if (!options.init.empty())
        spec.init = MSB_TRY(make_init(options));
    return {};
}

Result<SandboxSpec> make_spec(const CreationOptions& options, const Home& home,
                              log::Level global_log_level) {
    SandboxSpec spec = MSB_TRY(new_spec(home));
    spec.ephemeral = options.name.empty();
    spec.name = options.name.empty() ? random_name() : options.name;
    for (const std::string& text : options.labels) {
        auto [key, value] = MSB_TRY(parse_label(text));
        spec.labels[key] = value;
    }
    MSB_TRY(add_resources(spec, options));
    MSB_TRY(add_guest(spec, options));
    spec.security =
        options.security == "restricted" ? SecurityProfile::restricted : SecurityProfile::standard;
    spec.engine = options.engine;
    spec.kernel = MSB_TRY(kernel_choice(options.kernel));
    spec.require_hardware_isolation = options.require_isolation == "hardware";
    if (!options.log_level.empty())
        spec.log_level = options.log_level;
    else if (global_log_level != log::Level::off)
        spec.log_level = log::to_string(global_log_level);
    spec.created_at_ns = unix_time_ns();
    return spec;
}

Result<image::PullPolicy> parse_pull_policy(std::string_view text) {
    if (text == "always")
        return image::PullPolicy::always;
    if (text == "if-missing")
        return image::PullPolicy::if_missing;
    if (text == "never")
        return image::PullPolicy::never;
    return fail(ErrorKind::invalid_argument, "invalid pull policy: " + std::string(text) +
                                                 " (expected: always, if-missing, never)");
}

/// Those of files come first: what the command line says is more recent.
Result<std::vector<Patch>> make_patches(const CreationOptions& options) {
    std::vector<Patch> patches;
    for (const std::string& path : options.fs_files)
        for (Patch& patch : MSB_TRY(read_patch_file(path)))
            patches.push_back(std::move(patch));
    for (const Given& given : options.patches)
        patches.push_back(MSB_TRY(parse_patch(given.option, given.value)));
    MSB_TRY(validate_patches(patches));
    return patches;
}

/// Before a replaced sandbox is killed.
Result<std::chrono::milliseconds> replace_grace(const CreationOptions& options) {
    if (options.replace_timeout.empty())
        return default_stop_grace;
    return std::chrono::milliseconds(MSB_TRY(parse_duration_ms(options.replace_timeout, true)));
}

} // namespace

Result<std::string> kernel_choice(const std::string& text) {
    if (text.find('/') == std::string::npos)
        return text;
    const std::unique_ptr<char, void (*)(void*)> path(::realpath(text.c_str(), nullptr), std::free);
    if (!path)
        return fail_errno("kernel", text);
    return std::string(path.get());
}

Result<std::string> kernel_choice_of_environment() {
    const char* const text = std::getenv(kernel_variable);
    return kernel_choice(text != nullptr && *text != '\0' ? text : "auto");
}

Result<std::vector<std::pair<std::string, std::string>>>
read_environment(const std::vector<std::string>& words) {
    std::vector<std::pair<std::string, std::string>> variables;
    for (const std::string& word : words) {
        const bool ours = word.find('=') == std::string::npos && !word.empty();
        if (ours && std::getenv(word.c_str()) == nullptr)
            print_warning("environment variable '" + word + "' is not set: left out");
        else
            variables.push_back(MSB_TRY(parse_env(word)));
    }
    return variables;
}

Result<CreateRequest> make_request(const CreationOptions& options, Context& context) {
    CreateRequest request;
    request.spec = MSB_TRY(make_spec(options, MSB_TRY(context.home()), context.log_level));
    request.spec.network = MSB_TRY(make_network(options.network, MSB_TRY(context.home())));
    request.choice.env = MSB_TRY(read_environment(options.env));
    if (options.entrypoint)
        request.choice.entrypoint.emplace({*options.entrypoint});
    request.choice.cmd = context.command;
    if (options.disable_metrics_sample)
        request.choice.metrics_interval_ms = 0;
    else if (!options.metrics_sample_interval.empty())
        request.choice.metrics_interval_ms =
            MSB_TRY(parse_metrics_interval(options.metrics_sample_interval));
    request.image = options.image;
    request.snapshot = options.snapshot;
    request.patches = MSB_TRY(make_patches(options));
    request.root_disk_given = !options.root_disk.empty();
    request.pull.policy = MSB_TRY(parse_pull_policy(options.pull));
    request.pull.insecure = options.insecure;
    request.pull.ca_certs = options.ca_certs;
    const auto grace = MSB_TRY(replace_grace(options));
    if (!options.name.empty() && (options.replace || !options.replace_timeout.empty()))
        request.replace = grace;
    MSB_TRY(validate_spec(request.spec));
    for (const std::string& sentence : net::idle_rules(request.spec.network.rules))
        print_warning(sentence);
    return request;
}

} // namespace msb::cli
