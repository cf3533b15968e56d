#include "sandbox/home.hpp"

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "sandbox/spec.hpp"

#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

namespace msb {

namespace {

std::string name_hash(std::string_view name, std::size_t bytes) {
    return sha256_hex(name).substr(0, bytes * 2);
}

} // namespace

Result<Home> Home::from_environment() {
    std::string root;
    if (const char* value = std::getenv("MSB_HOME"); value != nullptr && *value != '\0') {
        root = value;
    } else {
        const char* user_home = std::getenv("HOME");
        if (user_home == nullptr || *user_home == '\0') {
            const passwd* entry = ::getpwuid(::getuid());
            user_home = entry != nullptr ? entry->pw_dir : nullptr;
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
    if (::access((root_ + "/sandboxes").c_str(), W_OK) == -1)
        return fail(Error::from_errno(errno, "access", root_ + "/sandboxes")
                        .wrap("cannot use '" + root_ + "' for msb's state")
                        .with_hint("set MSB_HOME to a directory you can write"));
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

std::string Home::lifecycle_lock(std::string_view name) const {
    return root_ + "/run/locks/" + name_hash(name, 16) + ".lock";
}

std::string Home::runtime_pid(std::string_view name) const {
    return root_ + "/run/locks/" + name_hash(name, 16) + ".pid";
}

std::string derived_hostname(std::string_view name) {
    constexpr std::size_t max_hostname_bytes = 64;
    if (name.size() <= max_hostname_bytes)
        return std::string(name);
    return std::string(name.substr(0, 55)) + "-" + name_hash(name, 4);
}

Result<Installation> Installation::locate() {
    const std::string directory = MSB_TRY(executable_directory());
    return Installation(directory.substr(0, directory.rfind('/')));
}

std::string Installation::program(std::string_view name) const {
    return prefix_ + "/libexec/microsandbox/" + std::string(name);
}

} // namespace msb
