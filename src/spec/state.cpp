#include "spec/state.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>

namespace msb {

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

json::Value SandboxState::Kernel::to_document() const {
    if (name.empty())
        return nullptr;
    return {{"name", name}, {"version", version}, {"hash", hash}};
}

std::string SandboxState::to_json() const {
    const json::Value document = {
        {"status", msb::to_string(status)},
        {"engine", engine},
        {"isolation", isolation},
        {"kernel", {{"name", kernel.name}, {"version", kernel.version}, {"hash", kernel.hash}}},
        {"reason", reason},
        {"detail", detail},
        {"exit_code", exit_code},
        {"never_ran", never_ran},
        {"host_ports", json::array(host_ports)},
        {"updated_at_ns", updated_at_ns},
        {"started_at_ns", started_at_ns},
        {"stopped_at_ns", stopped_at_ns},
    };
    return json::to_text(document, 2) + "\n";
}

Result<SandboxState> SandboxState::from_json(std::string_view text) {
    const json::Value value = MSB_TRY_WRAP(json::parse(text), "sandbox state");
    json::Reader document(value);
    SandboxState state;
    const auto status = parse_status(document.get<std::string>("status"));
    if (!status)
        document.complain("unknown status");
    state.status = status.value_or(state.status);
    document.get("engine", state.engine);
    document.get("isolation", state.isolation);
    if (document.has("kernel")) {
        json::Reader kernel(document, "kernel");
        kernel.get("name", state.kernel.name);
        kernel.get("version", state.kernel.version);
        kernel.get("hash", state.kernel.hash);
    }
    document.get("reason", state.reason);
    document.get("detail", state.detail);
    document.get("exit_code", state.exit_code);
    document.get("never_ran", state.never_ran);
    document.get_if_there("host_ports", state.host_ports);
    document.get("updated_at_ns", state.updated_at_ns);
    document.get("started_at_ns", state.started_at_ns);
    document.get("stopped_at_ns", state.stopped_at_ns);
    MSB_TRY_WRAP(document.status(), "sandbox state");
    return state;
}

SandboxState SandboxState::load(const std::string& path) {
    auto text = read_regular_file(path, 64 << 10);
    if (!text)
        return {};
    return from_json(*text).value_or(SandboxState{});
}

namespace {

/// Writes over the file that is there, which takes no room beyond its block. The directory is the
/// runtime's, which a guest may have taken over.
Status write_in_place(const std::string& path, std::string_view text) {
    const auto file = MSB_TRY(sys::open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK));
    MSB_TRY(sys::pwrite_all(file.get(), as_bytes(text), 0));
    return sys::truncate(file.get(), text.size());
}

} // namespace

Status SandboxState::store(const std::string& path) const {
    const std::string text = to_json();
    // Not fsynced: after a host crash no runtime is alive, and the lock says so.
    Status stored = write_file_atomic(path, text, 0600, false);
    if (!stored && (stored.error().sys_errno() == ENOSPC || stored.error().sys_errno() == EDQUOT))
        stored = write_in_place(path, text);
    return stored;
}

} // namespace msb
