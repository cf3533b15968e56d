#include "spec/state.hpp"

#include "base/file.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace msb {

using nlohmann::json;

namespace {
constexpr std::array<std::string_view, 6> status_names = {"Created",  "Starting", "Running",
                                                          "Draining", "Stopped",  "Crashed"};
}

std::string_view to_string(SandboxStatus status) {
    return status_names[static_cast<std::size_t>(status)];
}

std::optional<SandboxStatus> parse_status(std::string_view name) {
    for (std::size_t i = 0; i < status_names.size(); ++i)
        if (status_names[i] == name)
            return static_cast<SandboxStatus>(i);
    return std::nullopt;
}

std::string SandboxState::to_json() const {
    const json document = {
        {"status", msb::to_string(status)},
        {"engine", engine},
        {"isolation", isolation},
        {"reason", reason},
        {"detail", detail},
        {"exit_code", exit_code ? json(*exit_code) : json(nullptr)},
        {"updated_at_ns", updated_at_ns},
        {"started_at_ns", started_at_ns},
        {"stopped_at_ns", stopped_at_ns},
    };
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<SandboxState> SandboxState::from_json(std::string_view text) {
    try {
        const json document = json::parse(text);
        SandboxState state;
        const auto status = parse_status(document.at("status").get<std::string>());
        if (!status)
            return fail(ErrorKind::corrupt, "sandbox state: unknown status");
        state.status = *status;
        document.at("engine").get_to(state.engine);
        document.at("isolation").get_to(state.isolation);
        document.at("reason").get_to(state.reason);
        document.at("detail").get_to(state.detail);
        if (!document.at("exit_code").is_null())
            state.exit_code = document.at("exit_code").get<int>();
        document.at("updated_at_ns").get_to(state.updated_at_ns);
        document.at("started_at_ns").get_to(state.started_at_ns);
        document.at("stopped_at_ns").get_to(state.stopped_at_ns);
        return state;
    } catch (const json::exception& error) {
        return fail(ErrorKind::corrupt, std::string("sandbox state: ") + error.what());
    }
}

SandboxState SandboxState::load(const std::string& path) {
    auto text = read_regular_file(path, 64 << 10);
    if (!text)
        return {};
    return from_json(*text).value_or(SandboxState{});
}

Status SandboxState::store(const std::string& path) const {
    // Not fsynced: after a host crash no runtime is alive, and the lock says so.
    return write_file_atomic(path, to_json(), 0600, false);
}

} // namespace msb
