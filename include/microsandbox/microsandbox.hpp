// libmicrosandbox.so from C++20: handles that close themselves, exceptions, JSON as nlohmann::json.
// Options, results and events are those of microsandbox.h, member for member.
//
//   auto sandbox = microsandbox::Sandbox::create("work", {{"memory_mib", 256}});
//   auto output = sandbox.exec("uname", {{"args", {"-sr"}}});
//   std::cout << output.exit_code << ' ' << output.out;
#ifndef MICROSANDBOX_HPP
#define MICROSANDBOX_HPP

#include "microsandbox.h"

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace microsandbox {

using Json = nlohmann::json;

/// What every call throws that fails. Its kinds are those of microsandbox.h.
class Error : public std::runtime_error {
  public:
    explicit Error(Json details)
        : std::runtime_error(details.value("message", "unknown error")),
          details_(std::move(details)) {}
    /// "already_exists", ...
    std::string kind() const { return details_.value("kind", "internal"); }
    /// Everything that the library said: "hint", and what belongs to the kind.
    const Json& details() const { return details_; }

  private:
    Json details_;
};

namespace detail {

inline void check(char* error) {
    if (error == nullptr)
        return;
    Json details = Json::parse(error, nullptr, false);
    msb_free_string(error);
    throw Error(details.is_object() ? std::move(details) : Json::object());
}

inline std::string take_text(char* text) {
    std::string copy = text != nullptr ? text : "";
    msb_free_string(text);
    return copy;
}

inline Json take(char* text) {
    return text == nullptr ? Json() : Json::parse(take_text(text));
}

inline std::string take(std::uint8_t* data, std::size_t size) {
    std::string copy(reinterpret_cast<const char*>(data), data != nullptr ? size : 0);
    msb_free_bytes(data);
    return copy;
}

inline const std::uint8_t* bytes(std::string_view data) {
    return reinterpret_cast<const std::uint8_t*>(data.data());
}

/// A number that is released once.
template <void (*Release)(std::uint64_t)> class Handle {
  public:
    Handle() = default;
    explicit Handle(std::uint64_t number) : number_(number) {}
    Handle(Handle&& other) noexcept : number_(std::exchange(other.number_, 0)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        if (number_ != 0)
            Release(number_);
    }
    std::uint64_t get() const { return number_; }
    std::uint64_t release() { return std::exchange(number_, 0); }

  private:
    std::uint64_t number_ = 0;
};

} // namespace detail

/// Ends one call early, from another thread: give number() to the call.
class Cancel {
  public:
    Cancel() : number_(msb_cancel_alloc()) {}
    ~Cancel() { msb_cancel_unregister(number_); }
    Cancel(const Cancel&) = delete;
    Cancel& operator=(const Cancel&) = delete;
    /// What calls take as `cancel`.
    std::uint64_t number() const { return number_; }
    /// Ends the call, with an Error of kind "cancelled".
    void trigger() const { msb_cancel_trigger(number_); }

  private:
    std::uint64_t number_;
};

/// What a command wrote and how it ended.
struct Output {
    int exit_code = 0;         ///< as a shell has it: 128 + n for a command that signal n ended
    std::optional<int> signal; ///< that ended it
    std::string out;
    std::string err;
};

/// Something that a command did.
struct Event {
    Json event;       ///< "event", and what belongs to it
    std::string data; ///< of "stdout" and "stderr"

    /// "started", "stdout", "stderr", "stdin_error", "exited", "failed"
    std::string kind() const { return event.at("event"); }
};

/// Something that a command wrote, or that the sandbox did.
struct LogEntry {
    Json entry; ///< "timestamp_ms", "source", "session_id", "cursor"
    std::string data;
};

/// A command that runs. It ends with this object.
class Exec {
  public:
    explicit Exec(std::uint64_t handle) : handle_(handle) {}

    /// The next event; nothing after "exited" or "failed".
    std::optional<Event> next(std::uint64_t cancel = 0) {
        char* event = nullptr;
        std::uint8_t* data = nullptr;
        std::size_t size = 0;
        detail::check(msb_exec_recv(cancel, handle_.get(), &event, &data, &size));
        Event result{{}, detail::take(data, size)};
        result.event = detail::take(event);
        if (result.kind() == "done")
            return std::nullopt;
        return result;
    }
    /// Writes all of it. Returns when there is room for more: read the events meanwhile, in another
    /// thread.
    void write(std::string_view data, std::uint64_t cancel = 0) {
        detail::check(
            msb_exec_stdin_write(cancel, handle_.get(), detail::bytes(data), data.size()));
    }
    /// Ends the command's input.
    void close_stdin() { detail::check(msb_exec_stdin_close(0, handle_.get())); }
    /// Sends a signal to the command's process group.
    void signal(int number) { detail::check(msb_exec_signal(0, handle_.get(), number)); }
    /// Changes the size of the command's terminal.
    void resize(std::uint16_t rows, std::uint16_t cols) {
        detail::check(msb_exec_resize(0, handle_.get(), rows, cols));
    }

  private:
    detail::Handle<msb_exec_close> handle_;
};

/// SSH for a sandbox. Connections end with it.
class SshServer {
  public:
    explicit SshServer(std::uint64_t handle) : handle_(handle) {}
    /// Serves one client on these descriptors, which may be the same, until it has gone. They stay
    /// open.
    void serve_connection(int input = 0, int output = 1, std::uint64_t cancel = 0) {
        detail::check(msb_ssh_server_serve(cancel, handle_.get(), input, output));
    }

  private:
    detail::Handle<msb_ssh_server_close> handle_;
};

/// A connection to a sandbox that runs. One that it owns (made or started without "detached") stops
/// with this object, and when the process ends.
class Sandbox {
  public:
    /// Makes a sandbox and starts it.
    static Sandbox create(const std::string& name, const Json& options = Json::object(),
                          std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_sandbox_create(cancel, 0, name.c_str(), options.dump().c_str(), &result));
        return Sandbox(detail::take(result));
    }
    /// Starts a stopped sandbox.
    static Sandbox start(const std::string& name, const Json& options = Json::object(),
                         std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_sandbox_start(cancel, name.c_str(), options.dump().c_str(), &result));
        return Sandbox(detail::take(result));
    }
    /// Connects to a sandbox that runs, or is coming up: it is waited for, 10 s if timeout_ms < 0.
    static Sandbox connect(const std::string& name, std::int64_t timeout_ms = -1,
                           std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_sandbox_connect(cancel, name.c_str(), timeout_ms, &result));
        return Sandbox(detail::take(result));
    }
    /// Makes and starts sandboxes that begin with another one's disk as it is at one moment.
    static std::vector<Sandbox> fork(const std::string& source,
                                     const std::vector<std::string>& names,
                                     Json options = Json::object(), std::uint64_t cancel = 0,
                                     std::uint64_t progress = 0) {
        options["names"] = names;
        char* result = nullptr;
        detail::check(
            msb_sandbox_fork(cancel, progress, source.c_str(), options.dump().c_str(), &result));
        std::vector<Sandbox> made;
        for (const Json& one : detail::take(result))
            made.push_back(Sandbox(one));
        return made;
    }
    /// What a stopped sandbox has changed, against what it began with.
    static Json diff(const std::string& name, std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_sandbox_diff(cancel, name.c_str(), &result));
        return detail::take(result);
    }
    /// How a sandbox is and how it was made.
    static Json get(const std::string& name) {
        char* result = nullptr;
        detail::check(msb_sandbox_get(name.c_str(), &result));
        return detail::take(result);
    }
    /// Sandboxes, newest first.
    static Json list(const Json& options = Json::object()) {
        char* result = nullptr;
        detail::check(msb_sandbox_list(options.dump().c_str(), &result));
        return detail::take(result);
    }
    /// Deletes a stopped sandbox and its disk; `force` kills it first.
    static void remove(const std::string& name, bool force = false) {
        const Json options = {{"force", force}};
        detail::check(msb_sandbox_remove(name.c_str(), options.dump().c_str()));
    }

    const std::string& name() const { return name_; }
    /// For functions of microsandbox.h that this class does not have.
    std::uint64_t handle() const { return handle_.get(); }

    /// Runs a program, without a shell, with this input, and collects what it writes. One that ran
    /// and ended in failure is a result.
    Output exec(const std::string& command, const Json& options = Json::object(),
                std::string_view input = {}, std::uint64_t cancel = 0) {
        char* result = nullptr;
        std::uint8_t *out = nullptr, *err = nullptr;
        std::size_t out_size = 0, err_size = 0;
        detail::check(msb_sandbox_exec(cancel, handle_.get(), command.c_str(),
                                       options.dump().c_str(), detail::bytes(input), input.size(),
                                       &result, &out, &out_size, &err, &err_size));
        Output output;
        output.out = detail::take(out, out_size);
        output.err = detail::take(err, err_size);
        const Json end = detail::take(result);
        output.exit_code = end.at("exit_code");
        if (!end.at("signal").is_null())
            output.signal = end.at("signal");
        return output;
    }
    /// Runs a script of the sandbox's shell, with this input, and collects what it writes.
    Output shell(const std::string& script, Json options = Json::object(),
                 std::string_view input = {}, std::uint64_t cancel = 0) {
        options["shell"] = true;
        return exec(script, options, input, cancel);
    }
    /// Starts a program, without a shell, to be read from step by step.
    Exec exec_stream(const std::string& command, const Json& options = Json::object(),
                     std::string_view input = {}, std::uint64_t cancel = 0) {
        std::uint64_t exec = 0;
        detail::check(msb_sandbox_exec_stream(cancel, handle_.get(), command.c_str(),
                                              options.dump().c_str(), detail::bytes(input),
                                              input.size(), &exec));
        return Exec(exec);
    }

    /// Runs a program with the terminal, stdin and stdout of this process. Its exit code as a shell
    /// has it, or -1 if the detach keys were pressed: then it goes on.
    int attach(const std::string& command, const Json& options = Json::object(),
               std::uint64_t cancel = 0) {
        return attach(command.c_str(), options, cancel);
    }
    /// The same with the sandbox's shell.
    int attach_shell(Json options = Json::object(), std::uint64_t cancel = 0) {
        options["shell"] = true;
        return attach(nullptr, options, cancel);
    }

    /// Prepares to serve SSH for it; permission_denied if no key may enter.
    SshServer ssh_server(const Json& options = Json::object()) {
        std::uint64_t server = 0;
        detail::check(msb_ssh_server_open(handle_.get(), options.dump().c_str(), &server));
        return SshServer(server);
    }

    /// The content of a file of the guest, up to 256 MiB unless options say otherwise.
    std::string read_file(const std::string& path, const Json& options = Json::object()) {
        std::uint8_t* data = nullptr;
        std::size_t size = 0;
        detail::check(
            msb_fs_read(0, handle_.get(), path.c_str(), options.dump().c_str(), &data, &size));
        return detail::take(data, size);
    }
    /// Makes or replaces a file of the guest. Its directory must exist.
    void write_file(const std::string& path, std::string_view data,
                    const Json& options = Json::object()) {
        detail::check(msb_fs_write(0, handle_.get(), path.c_str(), options.dump().c_str(),
                                   detail::bytes(data), data.size()));
    }

    /// Asks the guest to end and waits; it is killed after timeout_ms (< 0: 10000; 0: at once).
    void stop(std::int64_t timeout_ms = -1, std::uint64_t cancel = 0) {
        detail::check(msb_sandbox_stop(cancel, name_.c_str(), timeout_ms));
    }
    /// Ends the sandbox at once and waits for that, 5 s.
    void kill() { detail::check(msb_sandbox_kill(0, name_.c_str(), -1)); }
    /// Lets commands that run finish, refuses new ones, and waits for the sandbox's end.
    void drain(std::uint64_t cancel = 0) {
        detail::check(msb_sandbox_drain(cancel, name_.c_str()));
    }
    /// Waits for the sandbox's end and never causes it; without limit if timeout_ms < 0.
    Json wait_until_stopped(std::int64_t timeout_ms = -1, std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_sandbox_wait_until_stopped(cancel, handle_.get(), name_.c_str(),
                                                     timeout_ms, &result));
        return detail::take(result);
    }
    /// What commands wrote, oldest first.
    std::vector<LogEntry> logs(const Json& options = Json::object()) {
        char* result = nullptr;
        std::uint8_t* data = nullptr;
        std::size_t size = 0;
        detail::check(
            msb_sandbox_logs(name_.c_str(), options.dump().c_str(), &result, &data, &size));
        const std::string bytes = detail::take(data, size);
        std::vector<LogEntry> entries;
        const Json list = detail::take(result);
        for (const Json& entry : list)
            entries.push_back({entry, bytes.substr(entry.at("offset"), entry.at("size"))});
        return entries;
    }
    /// What it uses, as it was sampled last: {"cpu_percent", "memory_bytes", ...}.
    Json metrics() {
        char* result = nullptr;
        detail::check(msb_sandbox_metrics(name_.c_str(), &result));
        return detail::take(result);
    }
    /// The same again and again, with at least interval_ms between, until `seen` returns false or the
    /// run is over.
    void watch_metrics(std::uint64_t interval_ms, const std::function<bool(const Json&)>& seen,
                       std::uint64_t cancel = 0) {
        std::uint64_t stream = 0;
        const Json options = {{"interval_ms", interval_ms}};
        detail::check(msb_metrics_stream_open(name_.c_str(), options.dump().c_str(), &stream));
        const detail::Handle<msb_metrics_stream_close> closing(stream);
        for (;;) {
            char* sample = nullptr;
            detail::check(msb_metrics_stream_recv(cancel, stream, &sample));
            if (sample == nullptr || !seen(detail::take(sample)))
                return;
        }
    }
    /// Changes the sandbox, also while it runs: {{"network", {{"rules", {"deny@10.0.0.0/8"}}}}},
    /// {{"root_disk_size_mib", 8192}}, {{"secrets", ...}}, {{"remove_secrets", {"KEY"}}}, {{"reload_secrets", true}}.
    Json modify(const Json& options) {
        char* result = nullptr;
        detail::check(msb_sandbox_modify(name_.c_str(), options.dump().c_str(), &result));
        return detail::take(result);
    }
    /// Whether it may reach "HOST[:PORT[/tcp|udp]]", and why.
    Json network_check(const std::string& destination) {
        char* result = nullptr;
        detail::check(msb_network_check(name_.c_str(), destination.c_str(), &result));
        return detail::take(result);
    }
    /// What its network did, oldest first.
    Json network_log(const Json& options = Json::object()) {
        char* result = nullptr;
        detail::check(msb_network_log(name_.c_str(), options.dump().c_str(), &result));
        return detail::take(result);
    }
    /// A policy, as a YAML document, that allows what was recorded and nothing else.
    std::string network_learn() {
        char* result = nullptr;
        detail::check(msb_network_learn(name_.c_str(), &result));
        return detail::take(result).at("policy");
    }
    /// Lets the sandbox go on without this object and process.
    void detach() { detail::check(msb_sandbox_detach(handle_.get())); }
    /// Closes the connection. A sandbox that it owns is stopped, and waited for; the destructor
    /// does not wait.
    void close(std::uint64_t cancel = 0) {
        detail::check(msb_sandbox_close(cancel, handle_.release()));
    }

  private:
    int attach(const char* command, const Json& options, std::uint64_t cancel) {
        char* result = nullptr;
        detail::check(
            msb_sandbox_attach(cancel, handle_.get(), command, options.dump().c_str(), &result));
        return detail::take(result).at("exit_code");
    }
    explicit Sandbox(const Json& made)
        : name_(made.at("name")), handle_(made.at("handle").get<std::uint64_t>()) {}

    std::string name_;
    detail::Handle<msb_sandbox_release> handle_;
};

/// The policies that there are, for the option "network": [{"name", "path"}].
inline Json network_policies() {
    char* result = nullptr;
    detail::check(msb_network_policies(&result));
    return detail::take(result);
}
/// The document of one of them.
inline std::string network_policy(const std::string& name) {
    char* result = nullptr;
    detail::check(msb_network_policy(name.c_str(), &result));
    return detail::take(result).at("text");
}

/// Networks that sandboxes reach each other by, by names. The option "network": {"network": NAME} joins one.
class PrivateNetwork {
  public:
    static Json create(const std::string& name, const Json& options = Json::object()) {
        char* result = nullptr;
        detail::check(msb_network_create(name.c_str(), options.dump().c_str(), &result));
        return detail::take(result);
    }
    static Json get(const std::string& name) {
        char* result = nullptr;
        detail::check(msb_network_get(name.c_str(), &result));
        return detail::take(result);
    }
    /// By name.
    static Json list() {
        char* result = nullptr;
        detail::check(msb_network_list(&result));
        return detail::take(result);
    }
    /// No sandbox may be in it.
    static void remove(const std::string& name) { detail::check(msb_network_remove(name.c_str())); }
    /// Removes those that no sandbox is in.
    static Json prune() {
        char* result = nullptr;
        detail::check(msb_network_prune(&result));
        return detail::take(result);
    }
};

/// Storage that outlives sandboxes, by names.
class Volume {
  public:
    static Json create(const std::string& name, const Json& options = Json::object()) {
        char* result = nullptr;
        detail::check(msb_volume_create(name.c_str(), options.dump().c_str(), &result));
        return detail::take(result);
    }
    static Json get(const std::string& name) {
        char* result = nullptr;
        detail::check(msb_volume_get(name.c_str(), &result));
        return detail::take(result);
    }
    /// Newest first.
    static Json list() {
        char* result = nullptr;
        detail::check(msb_volume_list(&result));
        return detail::take(result);
    }
    /// Removes it with what is in it.
    static void remove(const std::string& name) { detail::check(msb_volume_remove(name.c_str())); }
    /// Makes a volume with what is in another one, which no sandbox may have mounted.
    static Json clone(const std::string& name, const std::string& to,
                      const Json& options = Json::object(), std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(
            msb_volume_clone(cancel, name.c_str(), to.c_str(), options.dump().c_str(), &result));
        return detail::take(result);
    }
    /// Removes those that no sandbox mounts, not even one that is stopped.
    static Json prune(const Json& options = Json::object()) {
        char* result = nullptr;
        detail::check(msb_volume_prune(options.dump().c_str(), &result));
        return detail::take(result);
    }
};

/// Files of a directory volume, without a sandbox. Paths are from its root.
class VolumeFs {
  public:
    explicit VolumeFs(std::string volume) : name_(std::move(volume)) {}

    std::string read(const std::string& path) const {
        std::uint8_t* data = nullptr;
        std::size_t size = 0;
        detail::check(msb_volume_fs_read(name_.c_str(), path.c_str(), &data, &size));
        return detail::take(data, size);
    }
    /// Makes or replaces a file, with the directories that are missing.
    void write(const std::string& path, std::string_view data) const {
        detail::check(msb_volume_fs_write(name_.c_str(), path.c_str(),
                                          reinterpret_cast<const std::uint8_t*>(data.data()),
                                          data.size()));
    }
    /// Of a symbolic link itself.
    Json stat(const std::string& path) const {
        char* result = nullptr;
        detail::check(msb_volume_fs_stat(name_.c_str(), path.c_str(), &result));
        return detail::take(result);
    }
    /// What a directory has in it, one level, by name.
    Json list(const std::string& path = "/") const {
        char* result = nullptr;
        detail::check(msb_volume_fs_list(name_.c_str(), path.c_str(), &result));
        return detail::take(result);
    }
    void mkdir(const std::string& path) const {
        detail::check(msb_volume_fs_mkdir(name_.c_str(), path.c_str()));
    }
    /// {{"recursive", true}}: a directory with what is in it.
    void remove(const std::string& path, const Json& options = Json::object()) const {
        detail::check(msb_volume_fs_remove(name_.c_str(), path.c_str(), options.dump().c_str()));
    }
    /// Copies a single file.
    void copy(const std::string& from, const std::string& to) const {
        detail::check(msb_volume_fs_copy(name_.c_str(), from.c_str(), to.c_str()));
    }
    void rename(const std::string& from, const std::string& to) const {
        detail::check(msb_volume_fs_rename(name_.c_str(), from.c_str(), to.c_str()));
    }

  private:
    std::string name_;
};

/// What each running sandbox uses, by name.
inline Json all_sandbox_metrics() {
    char* result = nullptr;
    detail::check(msb_all_sandbox_metrics(&result));
    return detail::take(result).at("sandboxes");
}

/// What takes room on the host's disk, and removing what nothing needs.
class Storage {
  public:
    static Json usage(std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_storage_usage(cancel, &result));
        return detail::take(result);
    }
    /// {{"types", {"images"}}, {"labels", {{"k", "v"}}}, {"older_than_ms", 1000}, {"dry_run", true}}
    static Json prune(const Json& options = Json::object(), std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_storage_prune(cancel, options.dump().c_str(), &result));
        return detail::take(result);
    }
};

/// Disks of sandboxes that were kept. Where one is named, a name, a path or a digest will do.
class Snapshot {
  public:
    /// Snapshots a sandbox; the name may be a path. `progress`: reports are read elsewhere.
    static Json create(const std::string& sandbox, const std::string& name,
                       const Json& options = Json::object(), std::uint64_t cancel = 0,
                       std::uint64_t progress = 0) {
        char* result = nullptr;
        detail::check(msb_snapshot_create(cancel, progress, sandbox.c_str(), name.c_str(),
                                          options.dump().c_str(), &result));
        return detail::take(result);
    }
    /// All that its descriptor says; of its disk only the size is looked at.
    static Json open(const std::string& snapshot) {
        char* result = nullptr;
        detail::check(msb_snapshot_open(snapshot.c_str(), &result));
        return detail::take(result);
    }
    /// What differs between the disks of two.
    static Json diff(const std::string& before, const std::string& after,
                     std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_snapshot_diff(cancel, before.c_str(), after.c_str(), &result));
        return detail::take(result);
    }
    /// All that are known here, newest first.
    static Json list() {
        char* result = nullptr;
        detail::check(msb_snapshot_list(&result));
        return detail::take(result);
    }
    /// Those in a directory, whatever is known of it.
    static Json list_dir(const std::string& directory) {
        char* result = nullptr;
        detail::check(msb_snapshot_list_dir(directory.c_str(), &result));
        return detail::take(result);
    }
    /// Compares the disk with the hash that was recorded.
    static Json verify(const std::string& snapshot, std::uint64_t cancel = 0) {
        char* result = nullptr;
        detail::check(msb_snapshot_verify(cancel, snapshot.c_str(), &result));
        return detail::take(result);
    }
    /// Removes it; with `force` also if another one came from it.
    static void remove(const std::string& snapshot, bool force = false) {
        const Json options = {{"force", force}};
        detail::check(msb_snapshot_remove(snapshot.c_str(), options.dump().c_str()));
    }
    /// Looks again which snapshots a directory has; "": the one of this MSB_HOME. Their number.
    static std::size_t reindex(const std::string& directory = {}) {
        char* result = nullptr;
        detail::check(msb_snapshot_reindex(directory.c_str(), &result));
        return detail::take(result).at("indexed");
    }
    /// Writes it into one file, whose path is the result.
    static std::string export_to(const std::string& snapshot, const std::string& file,
                                 const Json& options = Json::object(), std::uint64_t cancel = 0,
                                 std::uint64_t progress = 0) {
        char* result = nullptr;
        detail::check(msb_snapshot_export(cancel, progress, snapshot.c_str(), file.c_str(),
                                          options.dump().c_str(), &result));
        return detail::take(result).at("path");
    }
    /// Takes in such a file.
    static Json import_from(const std::string& file, const Json& options = Json::object(),
                            std::uint64_t cancel = 0, std::uint64_t progress = 0) {
        char* result = nullptr;
        detail::check(
            msb_snapshot_import(cancel, progress, file.c_str(), options.dump().c_str(), &result));
        return detail::take(result);
    }
};

} // namespace microsandbox

#endif
