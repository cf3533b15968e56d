// Enters each role for real and tries what it must not do; fails if anything works. One process a
// try, because the right outcome is often death.
//
// usage: trespass DIRECTORY     an empty directory for the sandbox's files
#include "attempts.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "engine/engine.hpp"
#include "jail/jail.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace msb;
using namespace std::chrono_literals;
using attempts::Attempt;

std::string scratch, here;
int failures = 0;

void complain(const char* where, const char* what, const std::string& why) {
    fmt::print(stderr, "FAIL {}: {}: {}\n", where, what, why);
    ++failures;
}

/// Exit code as a shell gives it, or -1.
int outcome(Result<jail::Process> child) {
    if (!child) {
        fmt::print(stderr, "{}\n", child.error().to_string());
        return -1;
    }
    const auto status = child->wait(20s);
    return status && *status ? shell_exit_code(**status) : -1;
}

Result<jail::Process> start_runtime(std::vector<std::string> arguments) {
    const OwnedFd shared = MSB_TRY(sys::open(scratch + "/piece", O_RDONLY));
    arguments.insert(arguments.begin(), "/runtime");
    return jail::spawn({.role = jail::Role::runtime,
                        .argv = std::move(arguments),
                        .binds = {{here + "/locked", "/runtime", false, true},
                                  {scratch + "/sandbox", "/sandbox", true},
                                  {scratch + "/run", "/run", true},
                                  {scratch + "/bundle", "/kernel", false, true}},
                        .fds = {{2, 2}, {attempts::bait::read_only, shared.get()}}});
}

int try_as_runtime(const Attempt& attempt) {
    return outcome(start_runtime({attempt.name}));
}

/// A runtime that has not locked itself down, as if there were no Landlock.
void try_read_only_files() {
    for (const char* name :
         {"change-read-only-file", "change-read-only-mode", "change-read-only-times"})
        if (const int code = outcome(start_runtime({name, "open"})); code != attempts::refused)
            complain("runtime without Landlock", name, fmt::format("exit code {}", code));
}

/// What does not end by itself is ended from outside. These give true if that worked, soon.
bool is_ended(Result<jail::Process> started) {
    if (!started)
        return false;
    (void)started->wait(300ms); // until it runs
    started->lifeline.reset();
    (void)started->signal(SIGKILL);
    const auto status = started->wait(5s);
    return status && *status && shell_exit_code(**status) == 128 + SIGKILL;
}

Result<jail::Process> start_fs(const char* attempt) {
    return jail::spawn({.role = jail::Role::fs,
                        .argv = {"/fsd", attempt},
                        .binds = {{here + "/locked", "/fsd", false, true},
                                  {scratch + "/sandbox", "/m/0", true},
                                  {scratch + "/run", "/m/1"}},
                        .fds = {{2, 2}}});
}

int try_as_fs(const Attempt& attempt) {
    return outcome(start_fs(attempt.name));
}

Result<jail::Process> start_net(const char* attempt) {
    return jail::spawn({.role = jail::Role::net,
                        .argv = {"/netd", attempt},
                        .binds = {{here + "/locked", "/netd", false, true}},
                        .fds = {{2, 2}}});
}

int try_as_net(const Attempt& attempt) {
    return outcome(start_net(attempt.name));
}

Result<jail::Process> start_tls(const char* attempt) {
    return jail::spawn({.role = jail::Role::tls,
                        .argv = {"/tlsd", attempt},
                        .binds = {{here + "/locked", "/tlsd", false, true}},
                        .fds = {{2, 2}}});
}

int try_as_tls(const Attempt& attempt) {
    return outcome(start_tls(attempt.name));
}

Result<jail::Process> start_switch(const char* attempt) {
    return jail::spawn({.role = jail::Role::net_switch,
                        .argv = {"/netswitch", attempt},
                        .binds = {{here + "/locked", "/netswitch", false, true}},
                        .fds = {{2, 2}}});
}

int try_as_switch(const Attempt& attempt) {
    return outcome(start_switch(attempt.name));
}

bool runtime_is_ended() {
    return is_ended(start_runtime({"stay"}));
}

bool fs_is_ended() {
    return is_ended(start_fs("stay"));
}

bool net_is_ended() {
    return is_ended(start_net("stay"));
}

bool tls_is_ended() {
    return is_ended(start_tls("stay"));
}

bool switch_is_ended() {
    return is_ended(start_switch("stay"));
}

Result<std::unique_ptr<engine::Engine>> start_uml(const char* attempt) {
    engine::Machine machine;
    machine.memory_bytes = 64 << 20;
    machine.kernel.directory = scratch + "/bundle";
    machine.kernel.kernel = "linux";
    machine.initramfs = scratch + "/bundle/linux";
    machine.extra_cmdline = fmt::format("attempt={}", attempt);
    machine.nested = false;
    return engine::Engine::start(engine::EngineKind::uml, machine);
}

bool uml_is_ended() {
    const auto engine = start_uml("stay");
    if (!engine || (*engine)->wait(300ms).value_or(engine::Exit{})) // until it runs
        return false;
    const auto stopped = (*engine)->stop() ? (*engine)->wait(5s) : std::nullopt;
    return stopped && *stopped;
}

int try_as_uml(const Attempt& attempt) {
    const auto engine = start_uml(attempt.name);
    if (!engine) {
        fmt::print(stderr, "{}\n", engine.error().to_string());
        return -1;
    }
    const auto exit = (*engine)->wait(20s);
    return exit && *exit ? (**exit).code : -1;
}

/// A worker answers through its Status: "busy" stands for "worked".
Status run_as_worker(jail::Role role, const Attempt& attempt, std::chrono::seconds deadline) {
    return jail::run_worker({},
                            [&attempt]() -> Status {
                                if (attempt.run())
                                    return fail(ErrorKind::busy, "worked");
                                return {};
                            },
                            deadline, {.role = role, .files = {{"/ca.pem", "certificates"}}});
}

bool worker_is_ended(jail::Role role) {
    const auto begin = std::chrono::steady_clock::now();
    const Status status = run_as_worker(role, *attempts::find("stay"), 1s);
    return !status && status.error().kind() == ErrorKind::timed_out &&
           std::chrono::steady_clock::now() - begin < 6s;
}

bool image_is_ended() {
    return worker_is_ended(jail::Role::image);
}

bool fetch_is_ended() {
    return worker_is_ended(jail::Role::fetch);
}

int try_as_worker(jail::Role role, const Attempt& attempt) {
    const Status status = run_as_worker(role, attempt, 20s);
    if (status)
        return attempts::refused;
    if (status.error().kind() == ErrorKind::busy)
        return attempts::worked;
    if (status.error().message().find("may not make") != std::string::npos)
        return 128 + SIGSYS;
    fmt::print(stderr, "{}\n", status.error().to_string());
    return -1;
}

int try_as_image(const Attempt& attempt) {
    return try_as_worker(jail::Role::image, attempt);
}

int try_as_fetch(const Attempt& attempt) {
    return try_as_worker(jail::Role::fetch, attempt);
}

/// Without a jail, in a process of its own.
int try_outside(const Attempt& attempt) {
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(attempt.run() ? attempts::worked : attempts::refused);
    int status = 0;
    ::waitpid(pid, &status, 0);
    return shell_exit_code(status);
}

struct Place {
    const char* name;
    unsigned bit;
    int (*run)(const Attempt&);
    bool (*is_ended)();
};

constexpr Place places[] = {
    {"runtime", attempts::runtime, try_as_runtime, runtime_is_ended},
    {"uml", attempts::uml, try_as_uml, uml_is_ended},
    {"image", attempts::image, try_as_image, image_is_ended},
    {"fetch", attempts::fetch, try_as_fetch, fetch_is_ended},
    {"fs", attempts::fs, try_as_fs, fs_is_ended},
    {"net", attempts::net, try_as_net, net_is_ended},
    {"tls", attempts::tls, try_as_tls, tls_is_ended},
    {"switch", attempts::net_switch, try_as_switch, switch_is_ended},
};

void try_everything() {
    for (const Attempt& attempt : attempts::all()) {
        if (attempt.works_outside && try_outside(attempt) != attempts::worked)
            complain("outside", attempt.name, "does not work even without a jail");
        for (const Place& place : places) {
            if ((attempt.allowed_for & place.bit) != 0)
                continue;
            const int code = place.run(attempt);
            if (code == attempts::worked)
                complain(place.name, attempt.name, "worked");
            else if (code != attempts::refused && code != 128 + SIGSYS && code != 128 + SIGSEGV)
                complain(place.name, attempt.name, fmt::format("unexpected exit code {}", code));
        }
    }
    try_read_only_files();
    for (const Place& place : places)
        if (!place.is_ended())
            complain(place.name, "stay", "it did not end, or not by force");
    fmt::print("{} things tried in {} roles\n", attempts::all().size(), std::size(places));
}

// ---- bait: what the attempts could reach if they were not confined ------------------------------

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

OwnedFd listen_on(int family, int type, const void* address, std::size_t size) {
    OwnedFd fd(::socket(family, type | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(fd.get(), static_cast<const sockaddr*>(address), static_cast<socklen_t>(size)) !=
            0 ||
        (type == SOCK_STREAM && ::listen(fd.get(), 64) != 0))
        complain("setup", "bait", std::strerror(errno));
    return fd;
}

std::vector<OwnedFd> lay_bait() {
    std::vector<OwnedFd> bait;
    (void)write_file_atomic(attempts::bait::file, "bait", 0644, false);
    const sockaddr_in tcp = loopback(attempts::bait::tcp_port);
    bait.push_back(listen_on(AF_INET, SOCK_STREAM, &tcp, sizeof(tcp)));
    const sockaddr_in udp = loopback(attempts::bait::udp_port);
    bait.push_back(listen_on(AF_INET, SOCK_DGRAM, &udp, sizeof(udp)));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strcpy(name.sun_path + 1, attempts::bait::abstract_name);
    bait.push_back(listen_on(AF_UNIX, SOCK_STREAM, &name,
                             offsetof(sockaddr_un, sun_path) + 1 +
                                 std::strlen(attempts::bait::abstract_name)));
    std::strcpy(name.sun_path + 1, attempts::bait::datagram_name);
    bait.push_back(listen_on(AF_UNIX, SOCK_DGRAM, &name,
                             offsetof(sockaddr_un, sun_path) + 1 +
                                 std::strlen(attempts::bait::datagram_name)));
    return bait;
}

Status prepare_scratch() {
    for (const char* directory : {"/sandbox", "/run", "/bundle"})
        MSB_TRY(make_directories(scratch + directory));
    MSB_TRY(write_file_atomic(scratch + "/piece", "of an image", 0644, false));
    const std::string intruder = MSB_TRY(read_file(here + "/intruder"));
    return write_file_atomic(scratch + "/bundle/linux", intruder, 0755, false);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: trespass DIRECTORY\n");
        return 2;
    }
    scratch = argv[1];
    here = executable_directory().value_or(".");
    const auto bait = lay_bait();
    if (const Status status = prepare_scratch(); !status)
        complain("setup", "files", status.error().to_string());
    else
        try_everything();
    (void)sys::unlink(attempts::bait::file);
    return failures == 0 ? 0 : 1;
}
