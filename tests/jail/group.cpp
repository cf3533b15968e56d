// Makes control groups, fills them beyond their limits, and removes them. Static, so that it also
// runs in a guest, which has cgroup v2 whatever its host has.
//
// usage: group          prints one line for each finding, "ok ..." or "FAIL ..."
#include "base/file.hpp"
#include "base/system.hpp"
#include "jail/control_group.hpp"
#include "jail/jail.hpp"

#include <csignal>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace msb;
using namespace std::chrono_literals;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

// ---- in the group

/// Dies of the group's limit, not of its own.
int take_memory() {
    for (int i = 0; i < 96; ++i) {
        auto* memory =
            static_cast<char*>(::mmap(nullptr, mib, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
        if (memory == MAP_FAILED)
            return 3;
    }
    return 0;
}

int count_forks() {
    int count = 0;
    for (pid_t pid = 0; count < 100 && (pid = ::fork()) >= 0; ++count)
        if (pid == 0)
            for (;;)
                ::pause();
    return count;
}

int wait_for_end() {
    for (;;)
        ::pause();
}

// ---- around it

Result<jail::Process> enter(const char* what, int group) {
    const std::string self = MSB_TRY(executable_directory()) + "/group";
    return jail::spawn({.role = jail::Role::runtime,
                        .argv = {"/runtime", what},
                        .binds = {{self, "/runtime", false, true}},
                        .control_group = group});
}

Result<int> outcome(jail::Process& process) {
    const auto status = MSB_TRY(process.wait(30s));
    return status ? shell_exit_code(*status) : -1;
}

void finding(bool good, const std::string& text) {
    fmt::print("{} {}\n", good ? "ok" : "FAIL", text);
}

Status examine() {
    const auto groups = jail::ControlGroups::find();
    if (!groups.available())
        return fail(ErrorKind::unsupported, groups.why_not());
    const std::string name = "test-" + std::to_string(::getpid()), path = groups.path_of(name);
    const auto limits =
        jail::GroupLimits{.memory_bytes = 48 * mib, .processes = 20, .cpu_percent = 100};
    {
        const OwnedFd group = MSB_TRY(groups.make(name, limits));
        auto idle = MSB_TRY(enter("wait", group.get()));
        const std::string inside = MSB_TRY(read_file(path + "/cgroup.procs", 4096));
        finding(inside == std::to_string(idle.pid()) + "\n", "the process starts in its group");
        finding(::rmdir(path.c_str()) == -1, "a group in use stays");
        MSB_TRY(idle.signal(SIGKILL));
        finding(jail::remove_control_group(path).has_value(), "removed while its process ends");
        (void)idle.wait(5s);
    }
    const OwnedFd group = MSB_TRY(groups.make(name, limits));
    finding(MSB_TRY(read_file(path + "/memory.max", 64)) == std::to_string(48 * mib) + "\n",
            "memory.max is what was asked for");
    auto forks = MSB_TRY(enter("forks", group.get()));
    const int count = MSB_TRY(outcome(forks));
    finding(count > 5 && count < 20, fmt::format("{} forks, then refused", count));
    auto memory = MSB_TRY(enter("memory", group.get()));
    const int code = MSB_TRY(outcome(memory));
    finding(code == 128 + SIGKILL, fmt::format("too much memory ends in {}", code));
    MSB_TRY(groups.make(name, limits)); // one that is left is taken over
    MSB_TRY(jail::remove_control_group(path));
    finding(!exists(path), "removed");
    finding(jail::remove_control_group(path).has_value(), "removing it again is no error");
    return {};
}

} // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "memory")
        return take_memory();
    if (what == "forks")
        return count_forks();
    if (what == "wait")
        return wait_for_end();
    const Status status = examine();
    if (!status)
        fmt::print("FAIL {}\n", status.error().to_string());
    return status ? 0 : 1;
}
