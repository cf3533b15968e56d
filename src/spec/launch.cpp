#include "spec/launch.hpp"

#include <nlohmann/json.hpp>

namespace msb {

using nlohmann::json;

std::string LaunchConfig::to_json() const {
    json document = {
        {"spec", json::parse(spec.to_json())},
        {"root", root},
        {"engine", engine},
        {"isolation", isolation},
        {"ptrace", ptrace},
        {"attached", attached},
        {"make_workdir", make_workdir},
        {"need_workdir", need_workdir},
        {"file_mounts", file_mounts},
    };
    if (network) // the rest of the plan follows from the name
        document["network"] = {{"ipv4", network->v4.has_value()},
                               {"ipv6", network->v6.has_value()},
                               {"search", network->search},
                               {"resolver_options", network->resolver_options}};
    if (startup)
        document["startup"] = {{"argv", startup->argv},
                               {"env", startup->env},
                               {"cwd", startup->cwd},
                               {"user", startup->user},
                               {"tty", startup->tty}};
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<LaunchConfig> LaunchConfig::from_json(std::string_view text) {
    try {
        const json document = json::parse(text);
        LaunchConfig config;
        config.spec = MSB_TRY(SandboxSpec::from_json(document.at("spec").dump()));
        document.at("root").get_to(config.root);
        document.at("engine").get_to(config.engine);
        document.at("isolation").get_to(config.isolation);
        document.at("ptrace").get_to(config.ptrace);
        document.at("attached").get_to(config.attached);
        document.at("make_workdir").get_to(config.make_workdir);
        document.at("need_workdir").get_to(config.need_workdir);
        document.at("file_mounts").get_to(config.file_mounts);
        if (config.file_mounts.size() != config.spec.mounts.size())
            return fail(ErrorKind::corrupt, "launch configuration: mounts of unknown kind");
        if (document.contains("network")) {
            const json& families = document.at("network");
            config.network = NetworkPlan::make(config.spec.name, families.at("ipv4").get<bool>(),
                                               families.at("ipv6").get<bool>());
            families.at("search").get_to(config.network->search);
            families.at("resolver_options").get_to(config.network->resolver_options);
        }
        if (document.contains("startup")) {
            const json& item = document.at("startup");
            config.startup.emplace();
            item.at("argv").get_to(config.startup->argv);
            item.at("env").get_to(config.startup->env);
            item.at("cwd").get_to(config.startup->cwd);
            item.at("user").get_to(config.startup->user);
            item.at("tty").get_to(config.startup->tty);
        }
        return config;
    } catch (const json::exception& error) {
        return fail(ErrorKind::corrupt, std::string("launch configuration: ") + error.what());
    }
}

std::string LaunchReport::to_json_line() const {
    json document = {{"t", time_ns}};
    switch (kind) {
    case Kind::stage: document["stage"] = stage; break;
    case Kind::ready: document["ready"] = true; break;
    case Kind::failed: document["failed"] = json::parse(error->to_json()); break;
    }
    return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<LaunchReport> LaunchReport::from_json(std::string_view line) {
    try {
        const json document = json::parse(line);
        LaunchReport report;
        document.at("t").get_to(report.time_ns);
        if (document.contains("failed")) {
            report.kind = Kind::failed;
            report.error = MSB_TRY(BootError::from_json(document.at("failed").dump()));
        } else if (document.contains("ready")) {
            report.kind = Kind::ready;
        } else {
            document.at("stage").get_to(report.stage);
        }
        return report;
    } catch (const json::exception& error) {
        return fail(ErrorKind::protocol, std::string("report of the runtime: ") + error.what());
    }
}

} // namespace msb
