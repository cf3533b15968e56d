#include "spec/launch.hpp"

#include "base/bytes.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <array>

namespace msb {

namespace {

/// Variables may hold what is not UTF-8.
json::Value to_base64_list(const std::vector<std::string>& texts) {
    json::Value list = json::array();
    for (const std::string& text : texts)
        list.push_back(to_base64(as_bytes(text)));
    return list;
}

std::vector<std::string> read_base64_list(json::Reader& document, const char* key) {
    std::vector<std::string> texts;
    for (const json::Value& element : document.list(key)) {
        const std::string* text = element.text();
        const auto bytes = text != nullptr ? from_base64(*text) : std::nullopt;
        if (!bytes)
            document.complain(std::string(key) + " is not base64");
        else
            texts.emplace_back(as_text(*bytes));
    }
    return texts;
}

constexpr std::array backing_kinds = {
    std::pair{MountBacking::Kind::directory, "directory"},
    std::pair{MountBacking::Kind::file, "file"},
    std::pair{MountBacking::Kind::disk, "disk"},
    std::pair{MountBacking::Kind::formatted_disk, "formatted-disk"},
    std::pair{MountBacking::Kind::memory, "memory"},
};

json::Value write_backings(const std::vector<MountBacking>& backings) {
    json::Value list = json::array();
    for (const MountBacking& backing : backings)
        for (const auto& [kind, name] : backing_kinds)
            if (kind == backing.kind)
                list.push_back(
                    {{"kind", name}, {"tag", backing.tag}, {"directory", backing.directory}});
    return list;
}

std::vector<MountBacking> read_backings(json::Reader& document) {
    std::vector<MountBacking> backings;
    for (const json::Value& element : document.list("mounts")) {
        json::Reader item(document, element);
        const auto word = item.get<std::string>("kind");
        for (const auto& [kind, name] : backing_kinds)
            if (word == name)
                backings.push_back(
                    {kind, item.get<std::string>("tag"), item.get<std::string>("directory")});
    }
    return backings;
}

} // namespace

bool LaunchConfig::has_shares() const {
    return std::ranges::any_of(mounts, [](const MountBacking& backing) {
        return backing.kind == MountBacking::Kind::directory ||
               backing.kind == MountBacking::Kind::file;
    });
}

bool LaunchConfig::has_formatted_disks() const {
    return std::ranges::any_of(mounts, [](const MountBacking& backing) {
        return backing.kind == MountBacking::Kind::formatted_disk;
    });
}

std::string LaunchConfig::to_json() const {
    json::Value document = {
        {"spec", spec.to_document()},
        {"root", json::array(root)},
        {"disk", disk},
        {"engine", engine},
        {"isolation", isolation},
        {"ptrace", ptrace},
        {"attached", attached},
        {"make_workdir", make_workdir},
        {"need_workdir", need_workdir},
        {"mounts", write_backings(mounts)},
        {"intercepts", intercepts},
        {"host_authorities", host_authorities},
    };
    if (network) // the rest of the plan follows from the name
        document["network"] = {{"ipv4", network->v4.has_value()},
                               {"ipv6", network->v6.has_value()},
                               {"search", network->search},
                               {"resolver_options", network->resolver_options}};
    if (metrics)
        document["metrics"] = {{"page", metrics->page}, {"generation", metrics->generation}};
    if (startup)
        document["startup"] = {{"argv", startup->argv},
                               {"env_b64", to_base64_list(startup->env)},
                               {"cwd", startup->cwd},
                               {"user", startup->user},
                               {"tty", startup->tty}};
    return json::to_text(document);
}

Result<LaunchConfig> LaunchConfig::from_json(std::string_view text) {
    const json::Value value = MSB_TRY_WRAP(json::parse(text), "launch configuration");
    json::Reader document(value);
    LaunchConfig config;
    config.spec = MSB_TRY(SandboxSpec::from_document(document.member("spec")));
    document.get("root", config.root);
    document.get("disk", config.disk);
    document.get("engine", config.engine);
    document.get("isolation", config.isolation);
    document.get("ptrace", config.ptrace);
    document.get("attached", config.attached);
    document.get("make_workdir", config.make_workdir);
    document.get("need_workdir", config.need_workdir);
    document.get("intercepts", config.intercepts);
    document.get("host_authorities", config.host_authorities);
    config.mounts = read_backings(document);
    if (config.mounts.size() != config.spec.mounts.size())
        document.complain("mounts of unknown kind");
    if (document.has("network")) {
        json::Reader families(document, "network");
        const bool ipv4 = families.get<bool>("ipv4");
        const bool ipv6 = families.get<bool>("ipv6");
        config.network =
            NetworkPlan::make(config.spec.name, config.spec.network.interface, ipv4, ipv6);
        families.get("search", config.network->search);
        families.get("resolver_options", config.network->resolver_options);
    }
    if (document.has("metrics")) {
        json::Reader place(document, "metrics");
        config.metrics.emplace();
        place.get("page", config.metrics->page);
        place.get("generation", config.metrics->generation);
    }
    if (document.has("startup")) {
        json::Reader item(document, "startup");
        config.startup.emplace();
        item.get("argv", config.startup->argv);
        config.startup->env = read_base64_list(item, "env_b64");
        item.get("cwd", config.startup->cwd);
        item.get("user", config.startup->user);
        item.get("tty", config.startup->tty);
    }
    MSB_TRY_WRAP(document.status(), "launch configuration");
    return config;
}

std::string LaunchReport::to_json_line() const {
    json::Value document = {{"t", time_ns}};
    switch (kind) {
    case Kind::stage: document["stage"] = stage; break;
    case Kind::ready: document["ready"] = true; break;
    case Kind::failed: document["failed"] = error->to_document(); break;
    }
    return json::to_text(document) + "\n";
}

Result<LaunchReport> LaunchReport::from_json(std::string_view line) {
    const json::Value value = MSB_TRY_WRAP(json::parse(line), "report of the runtime");
    json::Reader document(value);
    LaunchReport report;
    document.get("t", report.time_ns);
    if (document.has("failed")) {
        report.kind = Kind::failed;
        report.error = MSB_TRY(BootError::from_document(document.member("failed")));
    } else if (document.has("ready")) {
        report.kind = Kind::ready;
    } else {
        document.get("stage", report.stage);
    }
    MSB_TRY_WRAP(document.status(), "report of the runtime");
    return report;
}

} // namespace msb
