#include "ffi/options.hpp"

#include "api/configuration.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace msb::ffi {

namespace {
constexpr std::uint64_t longest_ms = std::uint64_t{100} * 365 * 24 * 3600 * 1000;
} // namespace

Options::Options(const char* text) {
    if (text == nullptr || *text == '\0')
        return;
    auto given = json::parse(text);
    if (given && given->is_object())
        object_ = std::move(*given);
    else
        complain("options are not one JSON object");
}

Options::Options(json::Value object, std::string where)
    : object_(std::move(object)), where_(std::move(where)) {
    if (object_.is_object())
        return;
    object_ = json::object();
    complain(where_.substr(0, where_.size() - 1) + " is not an object");
}

const json::Value* Options::find(const char* key) {
    known_.emplace_back(key);
    const json::Value* found = object_.find(key);
    return found == nullptr || found->is_null() ? nullptr : found;
}

void Options::complain(std::string message) {
    if (problem_.empty())
        problem_ = std::move(message);
}

void Options::wrong(const char* key, std::string_view wanted) {
    complain("'" + where_ + key + "' is not " + std::string(wanted));
}

bool Options::has(const char* key) {
    return find(key) != nullptr;
}

std::optional<std::string> Options::optional_text(const char* key) {
    const json::Value* value = find(key);
    if (value == nullptr)
        return std::nullopt;
    if (!value->is_text())
        return wrong(key, "text"), std::nullopt;
    return *value->text();
}

std::string Options::text(const char* key, std::string otherwise) {
    return optional_text(key).value_or(std::move(otherwise));
}

bool Options::flag(const char* key, bool otherwise) {
    const json::Value* value = find(key);
    if (value == nullptr)
        return otherwise;
    if (!value->is_boolean())
        return wrong(key, "true or false"), otherwise;
    return *value->boolean();
}

std::optional<std::uint64_t> Options::number(const char* key, std::uint64_t most) {
    const json::Value* value = find(key);
    if (value == nullptr)
        return std::nullopt;
    // 3.0 is what some languages make of 3.
    std::optional<std::uint64_t> whole = value->unsigned_integer();
    if (const double real = value->real().value_or(-1);
        real >= 0 && real < 0x1p53 && real == std::floor(real))
        whole = static_cast<std::uint64_t>(real);
    if (!whole || *whole > most)
        return wrong(key, "a whole number from 0 to " + std::to_string(most)), std::nullopt;
    return whole;
}

std::optional<std::vector<std::string>> Options::texts(const char* key) {
    const json::Value* value = find(key);
    if (value == nullptr)
        return std::nullopt;
    std::vector<std::string> texts;
    if (!json::read(*value, texts))
        return wrong(key, "an array of text"), std::nullopt;
    return texts;
}

std::vector<std::pair<std::string, std::string>> Options::pairs(const char* key) {
    std::vector<std::pair<std::string, std::string>> pairs;
    const json::Value* value = find(key);
    if (value == nullptr)
        return pairs;
    if (value->is_object()) {
        for (const auto& [name, item] : value->members()) {
            if (!item.is_text())
                return wrong(key, "an object of text"), pairs;
            pairs.emplace_back(name, *item.text());
        }
        return pairs;
    }
    const auto is_pair = [](const json::Value& item) {
        const json::Array& both = item.elements();
        return both.size() == 2 && both[0].is_text() && both[1].is_text();
    };
    if (!value->is_array() || !std::ranges::all_of(value->elements(), is_pair))
        return wrong(key, "an object of text, or an array of pairs"), pairs;
    for (const json::Value& item : value->elements())
        pairs.emplace_back(*item.elements()[0].text(), *item.elements()[1].text());
    return pairs;
}

json::Value Options::any(const char* key) {
    const json::Value* value = find(key);
    return value == nullptr ? json::Value() : *value;
}

std::vector<Rlimit> Options::rlimits(const char* key) {
    std::vector<Rlimit> limits;
    const json::Value value = any(key);
    if (value.is_null())
        return limits;
    if (!value.is_array())
        return wrong(key, "an array"), limits;
    for (const json::Value& item : value.elements()) {
        Options member(item, where_ + key + ".");
        const std::string resource = member.text("resource");
        const auto soft = member.number("soft", std::numeric_limits<std::uint64_t>::max());
        const auto hard = member.number("hard", std::numeric_limits<std::uint64_t>::max());
        if (const auto checked = member.done(); !checked)
            return complain(checked.error().error.message()), limits;
        if (!soft)
            return complain("an item of '" + where_ + key + "' has no 'soft'"), limits;
        // The same grammar as on the command line.
        auto limit = parse_rlimit(resource + "=" + std::to_string(*soft) + ":" +
                                  std::to_string(hard.value_or(*soft)));
        if (!limit)
            return is_config_ = true, complain(limit.error().to_string()), limits;
        limits.push_back(std::move(*limit));
    }
    return limits;
}

std::string Options::choice(const char* key, std::initializer_list<std::string_view> all) {
    std::string value = text(key, std::string(*all.begin()));
    if (std::ranges::find(all, value) == all.end()) {
        std::string message = "'" + where_ + key + "' is none of";
        for (const std::string_view one : all)
            message.append(one == *all.begin() ? " " : ", ").append(one);
        complain(std::move(message));
    }
    return value;
}

void Options::refuse(std::string message) {
    is_config_ = is_config_ || problem_.empty();
    complain(std::move(message));
}

void Options::pass_on(const api::Failure& failure) {
    is_config_ =
        is_config_ || (problem_.empty() && failure.kind == api::FailureKind::invalid_config);
    complain(failure.error.message());
}

api::Outcome<void> Options::done() {
    for (const auto& [key, value] : object_.members())
        if (std::ranges::find(known_, key) == known_.end())
            complain("unknown option '" + where_ + key + "'");
    if (problem_.empty())
        return {};
    return api::fail(is_config_ ? api::FailureKind::invalid_config
                                : api::FailureKind::invalid_argument,
                     problem_);
}

namespace {

std::optional<InitSpec> read_init(Options& options) {
    const json::Value value = options.any("init");
    if (value.is_null())
        return std::nullopt;
    if (const std::string* cmd = value.text())
        return InitSpec{*cmd, {}, {}};
    Options init(value, "init.");
    InitSpec spec{init.text("cmd"), init.texts("args").value_or(std::vector<std::string>()),
                  init.pairs("env")};
    if (const auto checked = init.done(); !checked)
        options.complain(checked.error().error.message());
    return spec;
}

void read_resources(Options& options, SandboxSpec& spec) {
    constexpr std::uint64_t most_cpus = 4096;
    constexpr std::uint64_t most_mib = std::uint64_t{1} << 40;
    spec.cpus = static_cast<unsigned>(options.number("cpus", most_cpus).value_or(spec.cpus));
    spec.max_cpus =
        static_cast<unsigned>(options.number("max_cpus", most_cpus).value_or(spec.cpus));
    spec.memory_mib = options.number("memory_mib", most_mib).value_or(spec.memory_mib);
    spec.max_memory_mib = options.number("max_memory_mib", most_mib).value_or(spec.memory_mib);
    if (const std::string disk = options.text("root_disk"); !disk.empty()) {
        const auto parsed = parse_root_disk(disk);
        if (!parsed)
            options.complain(parsed.error().to_string());
        else if (options.has("root_disk_mib"))
            options.complain("'root_disk' and 'root_disk_mib' exclude each other");
        else
            spec.root_disk = *parsed;
    }
    spec.root_disk.size_mib =
        options.number("root_disk_mib", most_mib).value_or(spec.root_disk.size_mib);
}

void read_environment(Options& options, api::CreateOptions& create) {
    SandboxSpec& spec = create.spec;
    for (auto& [key, value] : options.pairs("env"))
        if (key.empty() || key.find('=') != std::string::npos)
            options.complain("'env' has a bad name: '" + key + "'");
        else
            create.choice.env.emplace_back(std::move(key), std::move(value));
    for (auto& [key, value] : options.pairs("labels"))
        if (const auto label = parse_label(key + "=" + value); !label)
            options.complain(label.error().to_string());
        else
            spec.labels[key] = value;
    for (auto& [name, body] : options.pairs("scripts"))
        spec.scripts[name] = std::move(body);
    spec.workdir = options.text("workdir", spec.workdir);
    spec.user = options.text("user");
    spec.hostname = options.text("hostname", derived_hostname(spec.name));
    spec.shell = options.text("shell", spec.shell);
    create.choice.entrypoint = options.texts("entrypoint");
    create.choice.cmd = options.texts("cmd");
    spec.init = read_init(options);
    spec.rlimits = options.rlimits("rlimits");
}

void read_isolation(Options& options, SandboxSpec& spec) {
    if (options.has("thp"))
        spec.thp = options.choice("thp", {"madvise", "always", "never"});
    spec.security = options.choice("security", {"default", "restricted"}) == "restricted"
                        ? SecurityProfile::restricted
                        : SecurityProfile::standard;
    spec.engine = options.choice("engine", {"auto", "uml", "kvm"});
    spec.kernel = options.text("kernel", spec.kernel);
    spec.require_hardware_isolation =
        options.choice("require_isolation", {"any", "hardware"}) == "hardware";
    if (options.has("log_level")) {
        spec.log_level = options.text("log_level");
        if (!log::parse_level(spec.log_level))
            options.complain("'log_level' is none of error, warn, info, debug, trace");
    }
}

/// The grammar, and what there may be in all, are those of files for --fs-conf.
api::Outcome<void> read_patch_list(Options& options, std::vector<Patch>& patches) {
    const json::Value list = options.any("patches");
    if (list.is_array())
        patches = MSB_TRY(read_patches(list));
    else if (!list.is_null())
        options.complain("'patches' is not an array");
    return {};
}

void read_lifecycle(Options& options, api::CreateOptions& create) {
    constexpr std::uint64_t most_seconds = longest_ms / 1000;
    create.spec.max_duration_seconds =
        options.number("max_duration_secs", most_seconds).value_or(0);
    create.spec.idle_timeout_seconds =
        options.number("idle_timeout_secs", most_seconds).value_or(0);
    const auto interval = options.number("metrics_sample_interval_ms", most_metrics_interval_ms);
    if (options.flag("disable_metrics_sample"))
        create.choice.metrics_interval_ms = 0;
    else if (interval)
        create.choice.metrics_interval_ms = static_cast<std::uint32_t>(*interval);
    create.spec.ephemeral = options.flag("ephemeral");
    create.detached = options.flag("detached");
    const bool replace = options.flag("replace");
    const auto grace = options.number("replace_with_timeout_ms", longest_ms);
    if (replace || grace)
        create.replace =
            std::chrono::milliseconds(grace ? static_cast<std::int64_t>(*grace)
                                            : default_stop_grace / std::chrono::milliseconds(1));
}

} // namespace

image::PullOptions pull_options(Options& options) {
    image::PullOptions pull;
    const std::string policy = options.choice("pull_policy", {"if-missing", "always", "never"});
    pull.policy = policy == "always"  ? image::PullPolicy::always
                  : policy == "never" ? image::PullPolicy::never
                                      : image::PullPolicy::if_missing;
    pull.insecure = options.flag("insecure");
    pull.ca_certs = options.text("ca_certs");
    return pull;
}

api::Outcome<api::CreateOptions> create_options(std::string name, const char* text) {
    Options options(text);
    api::CreateOptions create;
    create.spec = MSB_TRY(new_spec(MSB_TRY(Home::from_environment())));
    create.spec.name = std::move(name);
    create.spec.created_at_ns = unix_time_ns();
    create.image = options.text("image");
    create.snapshot = options.text("from_snapshot");
    if (!create.image.empty() && !create.snapshot.empty())
        options.complain("'image' and 'from_snapshot' exclude each other");
    create.root_disk_given = options.has("root_disk_mib") || options.has("root_disk");
    create.pull = pull_options(options);
    read_resources(options, create.spec);
    read_environment(options, create);
    read_isolation(options, create.spec);
    read_volumes(options, create.spec);
    MSB_TRY(read_patch_list(options, create.patches));
    read_network(options, create.spec.network);
    read_lifecycle(options, create);
    MSB_TRY(options.done());
    MSB_TRY(validate_spec(create.spec));
    return create;
}

namespace {

/// What a command has whether or not it gets our terminal.
void read_command(Options& options, CommandOptions& command) {
    command.env = options.pairs("env");
    command.cwd = options.optional_text("cwd");
    command.user = options.optional_text("user");
    for (const Rlimit& limit : options.rlimits("rlimits"))
        command.rlimits.push_back({limit.resource, limit.soft, limit.hard});
}

} // namespace

api::Outcome<AttachRequestOptions> attach_options(const char* text) {
    Options options(text);
    AttachRequestOptions request;
    request.argv = options.texts("args").value_or(std::vector<std::string>());
    request.shell = options.flag("shell");
    read_command(options, request.attach);
    if (const auto keys = options.optional_text("detach_keys"))
        request.attach.detach_keys = *keys;
    MSB_TRY(options.done());
    return request;
}

api::Outcome<SshOptions> ssh_options(const char* text) {
    Options options(text);
    SshOptions ssh;
    ssh.host_key_path = options.text("host_key_path");
    ssh.authorized_keys_path = options.text("authorized_keys_path");
    ssh.user = options.text("user");
    ssh.sftp = options.flag("sftp", true);
    if (const auto timeout = options.number("inactivity_timeout_ms", longest_ms))
        ssh.inactivity = std::chrono::milliseconds(static_cast<std::int64_t>(*timeout));
    MSB_TRY(options.done());
    return ssh;
}

api::Outcome<ExecRequestOptions> exec_options(const char* text, bool streams) {
    Options options(text);
    ExecRequestOptions request;
    request.argv = options.texts("args").value_or(std::vector<std::string>());
    request.shell = options.flag("shell");
    read_command(options, request.exec);
    if (const auto timeout = options.number("timeout_ms", longest_ms))
        request.exec.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(*timeout));
    request.exec.tty = options.flag("tty");
    constexpr std::uint64_t largest = 65535;
    request.exec.rows = static_cast<std::uint16_t>(options.number("rows", largest).value_or(24));
    request.exec.cols = static_cast<std::uint16_t>(options.number("cols", largest).value_or(80));
    if (streams)
        request.exec.stdin_pipe = options.flag("stdin");
    else
        request.max_output =
            options.number("max_output_bytes", std::uint64_t{1} << 40).value_or(request.max_output);
    MSB_TRY(options.done());
    return request;
}

api::Outcome<LogOptions> log_options(const char* text, bool stream) {
    constexpr std::int64_t ns_per_ms = 1'000'000;
    Options options(text);
    LogOptions result;
    LogQuery& query = result.query;
    if (!stream)
        query.tail_entries = options.number("tail", std::uint64_t{1} << 40);
    if (const auto since = options.number("since_ms", longest_ms))
        query.since_ns = static_cast<std::int64_t>(*since) * ns_per_ms;
    if (const auto until = options.number("until_ms", longest_ms))
        query.until_ns = static_cast<std::int64_t>(*until) * ns_per_ms;
    if (const json::Value sources = options.any("sources"); sources == "all") {
        query.sources.insert(LogSource::system);
    } else if (!sources.is_null()) {
        query.sources.clear();
        for (const std::string& name :
             options.texts("sources").value_or(std::vector<std::string>()))
            if (name == "all")
                query.sources = {LogSource::standard_output, LogSource::standard_error,
                                 LogSource::output, LogSource::system};
            else if (const auto source = parse_log_source(name);
                     source && *source != LogSource::boot_error)
                query.sources.insert(*source);
            else
                options.complain("unknown log source: " + name);
    }
    const auto cursor = options.optional_text("from_cursor");
    if (stream)
        result.follow = options.flag("follow");
    MSB_TRY(options.done());
    if (cursor) {
        auto parsed = LogCursor::parse(*cursor);
        if (!parsed)
            return api::fail(
                api::Failure(api::FailureKind::invalid_cursor, std::move(parsed).error()));
        query.after = *parsed;
    }
    return result;
}

api::Outcome<std::string> text_argument(const char* text, std::string_view what) {
    if (text == nullptr)
        return api::fail(api::FailureKind::invalid_argument, std::string(what) + " is NULL");
    return std::string(text);
}

} // namespace msb::ffi
