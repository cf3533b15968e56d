#include "sandbox/home.hpp"

#include "base/file.hpp"
#include "base/installation.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "base/system.hpp"
#include "spec/spec.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <mutex>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace msb {

namespace {

std::string name_hash(std::string_view name, std::size_t bytes) {
    return sha256_hex(name).substr(0, bytes * 2);
}

/// Checks that nobody else can write there: the next start trusts these files.
Status require_private(const std::string& root) {
    const struct stat info = MSB_TRY(sys::stat(root));
    const bool ours = info.st_uid == ::geteuid() || info.st_uid == 0;
    if (ours && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return {};
    return fail(Error(ErrorKind::permission_denied,
                      "others can write to '" + root + "', which is for msb's state")
                    .with_hint(ours ? "chmod go-w '" + root + "'"
                                    : "set MSB_HOME to a directory of your own"));
}

struct ChosenRoot {
    std::mutex mutex;
    std::string value;
};

ChosenRoot& chosen_root() {
    static auto* root = new ChosenRoot; // threads may still ask when the program exits
    return *root;
}

} // namespace

void Home::set_root(std::string root) {
    ChosenRoot& chosen = chosen_root();
    const std::lock_guard lock(chosen.mutex);
    chosen.value = std::move(root);
}

Result<Home> Home::from_environment() {
    std::string root;
    {
        ChosenRoot& chosen = chosen_root();
        const std::lock_guard lock(chosen.mutex);
        root = chosen.value;
    }
    if (!root.empty()) {
        // The program has set it.
    } else if (const char* value = std::getenv("MSB_HOME"); value != nullptr && *value != '\0') {
        root = value;
    } else {
        std::array<char, 4096> buffer{};
        const char* user_home = std::getenv("HOME");
        if (user_home == nullptr || *user_home == '\0') {
            passwd entry{};
            passwd* found = nullptr;
            (void)::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
            user_home = found != nullptr ? found->pw_dir : nullptr;
        }
        if (user_home == nullptr || *user_home == '\0')
            return fail(Error(ErrorKind::not_found, "no home directory")
                            .with_hint("set MSB_HOME to a directory for msb's state"));
        root = std::string(user_home) + "/.microsandbox";
    }
    if (root[0] != '/') {
        char* cwd = ::getcwd(nullptr, 0);
        if (cwd == nullptr)
            return fail_errno("getcwd");
        root = std::string(cwd) + "/" + root;
        std::free(cwd);
    }
    while (root.size() > 1 && root.back() == '/')
        root.pop_back();
    return Home(root);
}

Status Home::prepare() const {
    if (valid_utf8_prefix(root_) != root_.size()) // its documents name paths, as text
        return fail(Error(ErrorKind::invalid_argument, "MSB_HOME is not UTF-8: '" + root_ + "'")
                        .with_hint("set MSB_HOME to a directory whose path is"));
    // The innermost directories exist in every home that was used before, so the usual cost is
    // four failed mkdir calls.
    for (const char* part : {"/db", "/cache", "/sandboxes", "/run/sandboxes", "/run/locks"}) {
        auto made = exists(root_ + part) ? Status() : make_directories(root_ + part, 0700);
        if (!made)
            return fail(std::move(made)
                            .error()
                            .wrap("cannot use '" + root_ + "' for msb's state")
                            .with_hint("set MSB_HOME to a directory you can write"));
    }
    MSB_TRY(require_private(root_));
    if (::access((root_ + "/sandboxes").c_str(), W_OK) == -1)
        return fail(Error::from_errno(errno, "access", root_ + "/sandboxes")
                        .wrap("cannot use '" + root_ + "' for msb's state")
                        .with_hint("set MSB_HOME to a directory you can write"));
    // Ignore errors: only other programs need the link, and `msb agent socket-path` reports them.
    if (const Status published = publish_sockets(); !published)
        log::warn("{}", published.error().to_string());
    return {};
}

std::string Home::sandbox(std::string_view name) const {
    return sandboxes() + "/" + std::string(name);
}

std::string Home::socket_directory(std::string_view name) const {
    return root_ + "/run/sandboxes/" + name_hash(name, 12);
}

std::string Home::agent_socket(std::string_view name) const {
    return socket_directory(name) + "/agent.sock";
}

std::string Home::runtime_socket(std::string_view name) const {
    return socket_directory(name) + "/runtime.sock";
}

std::string Home::switch_socket(std::string_view network) const {
    return root_ + "/run/networks/" + name_hash(network, 12) + ".switch";
}

std::string Home::member_socket(std::string_view sandbox) const {
    return root_ + "/run/networks/" + name_hash(sandbox, 12) + ".member";
}

std::string Home::control_group_name(std::string_view name) const {
    return name_hash(root_ + '\0' + std::string(name), 12);
}

std::string Home::control_group_note(std::string_view name) const {
    return root_ + "/run/groups/" + control_group_name(name);
}

/// "/tmp/microsandbox-0/<16 hex of sha256(MSB_HOME)>": independent of the environment, so that
/// every program that knows MSB_HOME gets the same answer.
std::string Home::socket_link() const {
    return "/tmp/microsandbox-" + std::to_string(::geteuid()) + "/" + name_hash(root_, 8);
}

bool Home::needs_socket_link() const {
    return agent_socket("").size() >= sizeof(sockaddr_un::sun_path);
}

std::string Home::agent_socket_path(std::string_view name) const {
    if (!needs_socket_link())
        return agent_socket(name);
    return socket_link() + "/" + name_hash(name, 12) + "/agent.sock";
}

Status Home::publish_sockets() const {
    if (!needs_socket_link())
        return {};
    const std::string link = socket_link();
    const std::string target = root_ + "/run/sandboxes";
    const std::string directory = link.substr(0, link.rfind('/'));
    if (::mkdir(directory.c_str(), 0700) == -1 && errno != EEXIST)
        return fail_errno("mkdir", directory);
    const struct stat info = MSB_TRY(sys::lstat(directory));
    if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 0077) != 0)
        return fail(Error(ErrorKind::permission_denied,
                          "'" + directory + "' is not a private directory of this user")
                        .with_hint("remove it, or use a shorter MSB_HOME"));
    std::array<char, PATH_MAX> present{};
    const ssize_t length = ::readlink(link.c_str(), present.data(), present.size());
    if (length >= 0 && std::string_view(present.data(), static_cast<std::size_t>(length)) == target)
        return {};
    MSB_TRY(sys::unlink(link));
    if (::symlink(target.c_str(), link.c_str()) == -1 && errno != EEXIST)
        return fail_errno("symlink", link);
    return {};
}

std::string Home::lifecycle_lock(std::string_view name) const {
    return root_ + "/run/locks/" + name_hash(name, 16) + ".lock";
}

std::string Home::runtime_pid(std::string_view name) const {
    return root_ + "/run/locks/" + name_hash(name, 16) + ".pid";
}

std::string Home::helper_pids(std::string_view name) const {
    return root_ + "/run/locks/" + name_hash(name, 16) + ".helpers";
}

std::string Home::secrets_door(std::string_view name) const {
    return root_ + "/run/locks/" + name_hash(name, 16) + ".secrets";
}

std::string Home::kill_request(std::string_view name) const {
    return root_ + "/run/locks/" + name_hash(name, 16) + ".kill";
}

std::string derived_hostname(std::string_view name) {
    constexpr std::size_t max_hostname_bytes = 64;
    if (name.size() <= max_hostname_bytes)
        return std::string(name);
    return std::string(name.substr(0, 55)) + "-" + name_hash(name, 4);
}

Result<Installation> Installation::locate() {
    return Installation(MSB_TRY(installation_prefix()));
}

std::string Installation::program(std::string_view name) const {
    return prefix_ + "/libexec/microsandbox/" + std::string(name);
}

} // namespace msb
