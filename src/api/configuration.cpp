#include "api/configuration.hpp"

#include "base/closest.hpp"
#include "image/user_config.hpp"
#include "json/line_of.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"
#include "sandbox/launch/network_config.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <tuple>

namespace msb {

namespace {

struct ConfigKey {
    enum class Type { flag, number, text, texts };

    std::string_view path; ///< "registries.hosts.*.insecure"; a "*" stands for any key
    Type type;
    std::string_view initial; ///< as JSON; empty: none
    std::string_view help;
    std::uint64_t least = 0;
    std::uint64_t most = UINT64_MAX;
    std::string_view choices{}; ///< with blanks between; empty: anything
};

using Type = ConfigKey::Type;

constexpr std::uint64_t most_mib = std::uint64_t{1} << 40;
constexpr std::uint64_t most_cpus = 4096;

constexpr std::array keys = {
    ConfigKey{.path = "log_level",
              .type = Type::text,
              .initial = "\"warn\"",
              .help = "Of the runtimes of new sandboxes",
              .choices = "error warn info debug trace"},
    ConfigKey{.path = "sandbox_defaults.cpus",
              .type = Type::number,
              .initial = "1",
              .help = "Virtual CPUs of a new sandbox",
              .least = 1,
              .most = most_cpus},
    ConfigKey{.path = "sandbox_defaults.memory_mib",
              .type = Type::number,
              .initial = "512",
              .help = "Its memory in MiB",
              .least = 1,
              .most = most_mib},
    ConfigKey{.path = "sandbox_defaults.thp",
              .type = Type::text,
              .initial = "\"madvise\"",
              .help = "Transparent huge pages in the guest",
              .choices = "madvise always never"},
    ConfigKey{.path = "sandbox_defaults.shell",
              .type = Type::text,
              .initial = "\"/bin/sh\"",
              .help = "Its shell for interactive use"},
    ConfigKey{.path = "sandbox_defaults.workdir",
              .type = Type::text,
              .initial = "",
              .help = "Its working directory, in place of the image's"},
    ConfigKey{.path = "images.max_image_mib",
              .type = Type::number,
              .initial = "65536",
              .help = "What one image may have unpacked, in MiB",
              .most = most_mib},
    ConfigKey{.path = "images.keep_free_mib",
              .type = Type::number,
              .initial = "",
              .help = "What stays free on the images' file system, in MiB (default: a fiftieth, "
                      "1024 at most)",
              .most = most_mib},
    ConfigKey{.path = "registries.ca_certs",
              .type = Type::text,
              .initial = "",
              .help = "PEM file of certificates that are trusted beside the system's"},
    ConfigKey{.path = "registries.hosts.*.insecure",
              .type = Type::flag,
              .initial = "false",
              .help = "This HOST[:PORT] speaks plain HTTP"},
    ConfigKey{.path = "network.default_profiles",
              .type = Type::texts,
              .initial = R"(["public"])",
              .help = "What sandboxes may reach that are made without a word about it"},
    ConfigKey{.path = "network.metadata_addresses",
              .type = Type::texts,
              .initial = "[]",
              .help = "Addresses or prefixes of metadata services beside the known ones"},
    ConfigKey{.path = "network.search_domains",
              .type = Type::flag,
              .initial = "true",
              .help = "Whether guests get this machine's search domains"},
    ConfigKey{.path = "ssh.inactivity_timeout_secs",
              .type = Type::number,
              .initial = "600",
              .help = "After so long without traffic an SSH connection ends; 0: never",
              .most = UINT32_MAX},
};

using Path = std::vector<std::string>;

Path split(std::string_view text, char at) {
    Path parts;
    for (const auto part : std::views::split(text, at))
        parts.emplace_back(part.begin(), part.end());
    return parts;
}

std::string joined(const Path& path) {
    std::string text;
    for (const std::string& key : path)
        text += (text.empty() ? "" : ".") + key;
    return text;
}

/// Whether `path` is the beginning, or all, of a key's path.
bool leads_to(const Path& path, const Path& key) {
    return path.size() <= key.size() && std::equal(path.begin(), path.end(), key.begin(),
                                                   [](const std::string& a, const std::string& b) {
                                                       return b == "*" || a == b;
                                                   });
}

/// What can stand below `path`; a "*" is among it where any key can.
Path known_below(const Path& path) {
    Path known;
    for (const ConfigKey& key : keys) {
        const Path full = split(key.path, '.');
        if (leads_to(path, full) && full.size() > path.size() &&
            std::ranges::find(known, full[path.size()]) == known.end())
            known.push_back(full[path.size()]);
    }
    return known;
}

bool is_choice(const ConfigKey& key, const std::string& word) {
    const Path choices = split(key.choices, ' ');
    return key.choices.empty() || std::ranges::find(choices, word) != choices.end();
}

std::string choice_list(const ConfigKey& key) {
    std::string text;
    for (const std::string& choice : split(key.choices, ' '))
        text += (text.empty() ? "" : ", ") + choice;
    return text;
}

/// Why a value is none of the key's; empty: it is.
std::string complaint(const ConfigKey& key, const json::Value& value) {
    switch (key.type) {
    case Type::flag: return value.is_boolean() ? "" : "is true or false";
    case Type::number: {
        const auto number = value.unsigned_integer();
        if (number && *number >= key.least && *number <= key.most)
            return "";
        return "is a number from " + std::to_string(key.least) + " to " + std::to_string(key.most);
    }
    case Type::text:
        if (value.text() == nullptr)
            return "is text";
        return is_choice(key, *value.text()) ? "" : "is one of: " + choice_list(key);
    case Type::texts: {
        std::vector<std::string> texts;
        return json::read(value, texts) ? "" : "is a list of texts";
    }
    }
    return "";
}

class Check {
  public:
    explicit Check(std::string_view text) : text_(text) {}

    void object(const json::Value& value, Path& path) {
        const Path known = known_below(path);
        for (const auto& [name, member] : value.members()) {
            path.push_back(name);
            if (std::ranges::find(known, "*") != known.end() ||
                std::ranges::find(known, name) != known.end())
                known_member(member, path);
            else
                unknown(name, known, path);
            path.pop_back();
        }
    }

    void add(const Path& path, std::string text, std::string hint) {
        problems_.push_back({json::line_of(text_, path), std::move(text), std::move(hint)});
    }

    bool found_nothing() const { return problems_.empty(); }

    std::vector<ConfigProblem> take() {
        std::ranges::sort(problems_, {}, [](const ConfigProblem& problem) {
            return std::tie(problem.line, problem.text);
        });
        return std::move(problems_);
    }

  private:
    void known_member(const json::Value& value, Path& path) {
        const auto key = std::ranges::find_if(keys, [&](const ConfigKey& one) {
            const Path full = split(one.path, '.');
            return full.size() == path.size() && leads_to(path, full);
        });
        if (key != keys.end()) {
            if (const std::string wrong = complaint(*key, value); !wrong.empty())
                add(path, joined(path) + " " + wrong + ", not " + json::to_text(value), "");
        } else if (value.is_object()) {
            object(value, path);
        } else {
            add(path, joined(path) + " is an object, not " + json::to_text(value), "");
        }
    }

    void unknown(const std::string& name, const Path& known, const Path& path) {
        const auto meant = closest(name, known);
        std::string list;
        for (const std::string& word : known)
            list += (list.empty() ? "" : ", ") + word;
        add(path, joined(path) + " is unknown",
            meant ? "did you mean '" + *meant + "'?" : "known are: " + list);
    }

    std::string_view text_;
    std::vector<ConfigProblem> problems_;
};

json::Value schema_of(const ConfigKey& key) {
    json::Value schema = {{"description", key.help}};
    if (!key.initial.empty())
        if (const auto initial = json::parse(key.initial))
            schema["default"] = *initial;
    switch (key.type) {
    case Type::flag: schema["type"] = "boolean"; break;
    case Type::number:
        schema["type"] = "integer";
        schema["minimum"] = key.least;
        schema["maximum"] = key.most;
        break;
    case Type::text: schema["type"] = "string"; break;
    case Type::texts:
        schema["type"] = "array";
        schema["items"] = json::Value{{"type", "string"}};
        break;
    }
    if (!key.choices.empty())
        schema["enum"] = json::array(split(key.choices, ' '));
    return schema;
}

json::Value schema_below(Path& path) {
    json::Value schema = {{"type", "object"}, {"additionalProperties", false}};
    for (const std::string& name : known_below(path)) {
        path.push_back(name);
        const auto key = std::ranges::find(keys, joined(path), &ConfigKey::path);
        json::Value member = key != keys.end() ? schema_of(*key) : schema_below(path);
        if (name == "*")
            schema["additionalProperties"] = std::move(member);
        else
            schema["properties"][name] = std::move(member);
        path.pop_back();
    }
    return schema;
}

const json::Value* value_at(const json::Value& content, std::string_view path) {
    const json::Value* value = &content;
    for (const std::string& name : split(path, '.'))
        if (value != nullptr)
            value = value->find(name);
    return value;
}

/// Reads a member if it is there; one that is not the key's is an error.
template <typename T>
Status read_setting(const image::UserConfig& config, std::string_view path, T& into) {
    const auto key = std::ranges::find(keys, path, &ConfigKey::path);
    const json::Value* value = value_at(config.content, path);
    if (value == nullptr || key == keys.end())
        return {};
    if (const std::string wrong = complaint(*key, *value);
        !wrong.empty() || !json::read(*value, into))
        return fail(ErrorKind::invalid_argument,
                    "configuration '" + config.path + "': " + std::string(path) + " " + wrong);
    return {};
}

} // namespace

std::vector<ConfigProblem> check_config(std::string_view text) {
    Check check(text);
    const auto content = image::parse_json_object(text, "the file");
    if (!content)
        return {{0, content.error().to_string(), ""}};
    Path path;
    check.object(*content, path);
    // What the types cannot say: words and addresses.
    if (check.found_nothing())
        if (const auto network = NetworkConfig::parse(*content); !network)
            check.add({"network"}, network.error().to_string(), network.error().hint());
    return check.take();
}

json::Value config_schema() {
    Path path;
    json::Value schema = schema_below(path);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    schema["title"] = "config.json of microsandbox";
    return schema;
}

std::vector<ConfigSetting> config_settings(const json::Value& content) {
    std::vector<ConfigSetting> settings;
    const auto add = [&](const ConfigKey& key, std::string name, const json::Value* given) {
        json::Value value;
        if (given != nullptr)
            value = *given;
        else if (const auto initial = json::parse(key.initial))
            value = *initial;
        settings.push_back({std::move(name), std::move(value), given != nullptr});
    };
    for (const ConfigKey& key : keys) {
        const std::size_t star = key.path.find('*');
        if (star == std::string_view::npos) {
            add(key, std::string(key.path), value_at(content, key.path));
            continue;
        }
        const std::string_view above = key.path.substr(0, star - 1);
        const json::Value* any = value_at(content, above);
        for (const auto& [name, member] : any != nullptr ? any->members() : json::Object())
            add(key, std::string(above) + "." + name + std::string(key.path.substr(star + 1)),
                value_at(member, key.path.substr(star + 2)));
    }
    return settings;
}

Result<SandboxSpec> new_spec(const Home& home) {
    const image::UserConfig config = MSB_TRY(image::read_user_config(home.root()));
    SandboxSpec spec;
    MSB_TRY(read_setting(config, "log_level", spec.log_level));
    MSB_TRY(read_setting(config, "sandbox_defaults.cpus", spec.cpus));
    MSB_TRY(read_setting(config, "sandbox_defaults.memory_mib", spec.memory_mib));
    MSB_TRY(read_setting(config, "sandbox_defaults.thp", spec.thp));
    MSB_TRY(read_setting(config, "sandbox_defaults.shell", spec.shell));
    MSB_TRY(read_setting(config, "sandbox_defaults.workdir", spec.workdir));
    return spec;
}

Result<std::chrono::seconds> ssh_inactivity(const Home& home) {
    const image::UserConfig config = MSB_TRY(image::read_user_config(home.root()));
    std::uint32_t seconds = 600;
    MSB_TRY(read_setting(config, "ssh.inactivity_timeout_secs", seconds));
    return std::chrono::seconds(seconds);
}

} // namespace msb
