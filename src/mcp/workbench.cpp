#include "mcp/workbench.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

namespace msb::mcp {

namespace {

constexpr std::chrono::seconds connect_timeout{30};

} // namespace

Workbench::~Workbench() {
    interpreters_.clear();
    commands_.clear();
    std::vector<std::jthread> closing; // each may take its time
    for (const auto& [name, sandbox] : sandboxes_)
        if (sandbox->owns_lifecycle())
            closing.emplace_back([sandbox] { (void)sandbox->close(nullptr); });
}

api::Outcome<std::shared_ptr<api::Sandbox>> Workbench::sandbox(const std::string& name,
                                                               api::Cancel* cancel) {
    const SandboxView view = MSB_TRY(api::get(name));
    {
        const std::lock_guard lock(mutex_);
        const auto found = sandboxes_.find(name);
        // Another one of this name may have taken its place.
        if (found != sandboxes_.end()) {
            if (is_active(view.state.status) &&
                found->second->spec().created_at_ns == view.spec.created_at_ns)
                return found->second;
            sandboxes_.erase(found);
        }
    }
    auto opened = MSB_TRY(api::Sandbox::connect(name, connect_timeout, cancel));
    const std::lock_guard lock(mutex_);
    if (sandboxes_.size() < max_sandboxes)
        sandboxes_.insert_or_assign(name, opened);
    return opened;
}

api::Outcome<void> Workbench::adopt(std::shared_ptr<api::Sandbox> sandbox) {
    const std::lock_guard lock(mutex_);
    if (sandboxes_.size() >= max_sandboxes)
        return api::fail(api::FailureKind::limit_exceeded,
                         "a client has at most " + std::to_string(max_sandboxes) + " sandboxes");
    const std::string name = sandbox->name();
    sandboxes_.insert_or_assign(name, std::move(sandbox));
    return {};
}

std::shared_ptr<api::Sandbox> Workbench::let_go(const std::string& name) {
    std::vector<std::shared_ptr<Command>> ended; // without the lock: ending takes a moment
    const std::lock_guard lock(mutex_);
    for (auto at = commands_.begin(); at != commands_.end();)
        if (at->second.sandbox == name) {
            ended.push_back(std::move(at->second.command));
            at = commands_.erase(at);
        } else {
            ++at;
        }
    interpreters_.erase(name);
    const auto found = sandboxes_.find(name);
    if (found == sandboxes_.end())
        return nullptr;
    auto sandbox = std::move(found->second);
    sandboxes_.erase(found);
    return sandbox;
}

void Workbench::drop_old() {
    const auto oldest = Command::Clock::now() - limits_.session_ttl;
    std::erase_if(commands_,
                  [&](const auto& entry) { return entry.second.command->used() < oldest; });
}

api::Outcome<std::string> Workbench::keep(const std::string& sandbox,
                                          std::shared_ptr<Command> command) {
    const std::lock_guard lock(mutex_);
    drop_old();
    if (commands_.size() >= max_commands)
        return api::fail(api::FailureKind::limit_exceeded,
                         "a client has at most " + std::to_string(max_commands) +
                             " commands that go on; end one with exec_close");
    std::string id = "exec-" + std::to_string(++last_id_);
    commands_.emplace(id, Kept{sandbox, std::move(command)});
    return id;
}

api::Outcome<std::shared_ptr<Command>> Workbench::command(const std::string& id) {
    const std::lock_guard lock(mutex_);
    drop_old();
    const auto found = commands_.find(id);
    if (found == commands_.end())
        return api::fail(api::FailureKind::invalid_handle,
                         "no command '" + id + "': it was closed, or nobody asked for it in " +
                             std::to_string(limits_.session_ttl.count()) + " s");
    return found->second.command;
}

void Workbench::forget(const std::string& id) {
    std::shared_ptr<Command> ended;
    const std::lock_guard lock(mutex_);
    if (const auto found = commands_.find(id); found != commands_.end()) {
        ended = std::move(found->second.command);
        commands_.erase(found);
    }
}

std::shared_ptr<Workbench::Interpreter> Workbench::interpreter(const std::string& sandbox) {
    const std::lock_guard lock(mutex_);
    auto& found = interpreters_[sandbox];
    if (!found)
        found = std::make_shared<Interpreter>();
    return found;
}

api::Outcome<std::string> Workbench::host_path(const std::string& path) const {
    const auto refused = [&](std::string why) {
        return std::unexpected(api::Failure(
            api::FailureKind::permission_denied,
            Error(ErrorKind::permission_denied, "host path '" + path + "': " + std::move(why))
                .with_hint("allow a directory: msb mcp --allow-dir DIR")));
    };
    if (limits_.allowed.empty())
        return refused("paths of the host are not allowed");
    std::error_code error;
    const std::string real = std::filesystem::weakly_canonical(path, error);
    if (error || path.empty() || path.front() != '/')
        return refused(path.starts_with('/') ? error.message() : "not absolute");
    const bool allowed = std::ranges::any_of(limits_.allowed, [&](const std::string& directory) {
        return real == directory || real.starts_with(directory == "/" ? "/" : directory + "/");
    });
    return allowed ? api::Outcome<std::string>(real)
                   : refused("not in a directory that is allowed");
}

} // namespace msb::mcp
